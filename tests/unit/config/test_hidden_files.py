# SPDX-License-Identifier: MIT
"""Files of `--config-dir` whose names are those of this application's configs."""

import sys
from importlib.resources import files
from pathlib import Path

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.types import RunMode

from hyperopt_app.config.hidden_files import hidden_files
from tests.unit._made_sweeps import write_configs

OWN = "defaults: [config, _self_]\nlr: 1\n"


def _faults(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, *words: str) -> list[str]:
    monkeypatch.setattr(sys, "argv", ["app", "--config-dir", str(folder), *([f"--config-name={name}"] if name else [])])
    search_path = create_config_search_path("pkg://hyperopt_app.conf")
    search_path.prepend("command-line", f"file://{folder}", anchor="schema")  # as Hydra does it
    loader = ConfigLoaderImpl(config_search_path=search_path)
    config = loader.load_configuration(name or "config", list(words), run_mode=RunMode.MULTIRUN)
    config.hydra.job.config_name = name or "config"
    return hidden_files(loader, config)


def test_a_hidden_file_that_is_in_use_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Wherever in the defaults it stands, with the two ways out."""
    folder = write_configs(tmp_path, {"config": "model: 1\n", "own": OWN, "outer": "defaults: [own]\n"})
    for name in ("own", "outer", "config"):
        (fault,) = _faults(monkeypatch, folder, name)
        assert fault.startswith(f"{folder / 'config.yaml'} is not read: hyperopt_app has its own config.yaml")
        assert f"--config-path {folder}" in fault


def test_an_option_of_a_group_is_named_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The one that the command chooses, also in a sweep; a hidden one that nobody chooses is none."""
    folder = write_configs(tmp_path, {"hparams/sphere": "# @package _global_\nx: 3\n"})
    (fault,) = _faults(monkeypatch, folder, "", "hparams=sphere", "x=choice(1,2)")
    assert "hparams/sphere.yaml is not read" in fault
    assert _faults(monkeypatch, folder, "", "hparams=digits") == []


@pytest.mark.parametrize("own", [OWN.replace("config", "mine"), "lr: 1\n"])
def test_files_of_other_names_and_unused_ones_are_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: str
) -> None:
    """A `config.yaml` beside them is another application's."""
    folder = write_configs(tmp_path, {"config": "model: 1\n", "mine": "depth: 2\n", "own": own})
    assert _faults(monkeypatch, folder, "own") == []
    assert _faults(monkeypatch, folder, "") == []


def test_our_own_folder_hides_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the command is given in a clone with `--config-dir conf`."""
    folder = Path(str(files("hyperopt_app.conf")))
    assert _faults(monkeypatch, folder, "config", "hparams=digits") == []
