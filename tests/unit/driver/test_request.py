# SPDX-License-Identifier: MIT
"""What the user asked for, and what goes on with it later."""

import os
from pathlib import Path

import pytest

from hyperopt_app.driver.request import checked, way_on
from hyperopt_app.errors import ConfigError
from tests.unit._made_sweeps import made_sweep, write_configs

CONFIG = """
defaults: [_self_, {override hydra/sweeper: async_optuna}]
x: 1
hydra: {sweeper: {params: {x: 'interval(0, 1)'}}}
"""


@pytest.mark.parametrize(
    ("command", "way"),
    [
        (("hydra.sweep.dir=study",), "the same command"),
        ((), "the same command with hydra.sweep.dir="),
        (
            ("hydra.sweep.dir=study", "hydra.sweeper.storage=sqlite:///a.db"),
            "the same command with hydra.sweeper.study_name=",
        ),
        (("hydra.sweeper.storage=sqlite:///a.db", "hydra.sweeper.study_name=mine"), "the same command"),
    ],
    ids=["a directory", "a directory of the time", "a database", "a database and a name"],
)
def test_what_goes_on_with_the_study(tmp_path: Path, command: tuple[str, ...], way: str) -> None:
    """The same command, unless it would begin another one."""
    context, config = made_sweep(write_configs(tmp_path, {"config": CONFIG}), *command)
    request = checked(context, config, lambda _config: 0.0, [])
    told = way_on(config, request)
    assert told.startswith(way)
    assert (told == way) == (not way.endswith("="))
    if way.endswith("="):
        assert str(request.study_dir) in told or request.study_name in told


@pytest.mark.parametrize("command", [(), ("hydra.mode=MULTIRUN",)], ids=["alone", "with --multirun"])
@pytest.mark.parametrize("mode", ["", "hydra: {mode: MULTIRUN}\n"], ids=["plain", "asks for a sweep"])
def test_whether_the_config_sweeps_by_itself(tmp_path: Path, command: tuple[str, ...], mode: str) -> None:
    """Hydra turns --multirun into an override, which is not the config's own wish."""
    text = CONFIG.replace("hydra: {", "hydra: {mode: MULTIRUN, ") if mode else CONFIG
    context, config = made_sweep(write_configs(tmp_path, {"config": text}), *command)
    assert checked(context, config, lambda _config: 0.0, []).sweeps_by_itself is bool(mode)


@pytest.mark.parametrize("name", ["study", "study/workers", "study/workers/0.log", "study/launches"])
def test_a_link_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What is written below it would go where that user wants."""
    owner, link = os.geteuid(), Path(name)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path)
    os.lchown(link, owner or 4321, -1)
    if owner != 0:
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    context, config = made_sweep(write_configs(tmp_path / "conf", {"config": CONFIG}), "hydra.sweep.dir=study")
    with pytest.raises(ConfigError, match=f"{name} is a symbolic link of another user"):
        checked(context, config, lambda _config: 0.0, [])


def test_a_fault_shows_no_password(tmp_path: Path) -> None:
    """Of a URL that was given for something that takes none."""
    context, config = made_sweep(write_configs(tmp_path, {"config": CONFIG}), "hydra.sweep.dir=study")
    with pytest.raises(ConfigError) as refusal:
        checked(context, config, lambda _config: 0.0, ["z='x://me:Zq7 w@h/d'"])
    assert "Zq7" not in str(refusal.value)
