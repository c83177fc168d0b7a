# SPDX-License-Identifier: MIT
"""Errors of Hydra's own in one line, those of the user's code as they are."""

from functools import partial
from typing import Any

import pytest
from hydra._internal import utils
from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import OmegaConf

from hyperopt_app.support.hydra_errors import errors_in_one_line
from tests._releases import IS_1_4


def _ended(func: Any) -> None:
    original = utils.run_and_report
    with errors_in_one_line():
        patched: Any = utils.run_and_report
        with pytest.raises(SystemExit) as ended:
            patched(func)
    assert utils.run_and_report is original
    assert ended.value.code == 1


def test_an_error_of_omegaconfs_alone_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the key that it is about; and Hydra's function is put back."""
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    _ended(partial(OmegaConf.to_container, OmegaConf.create({"a": "${nope}"}), resolve=True))
    said, _, hint = capsys.readouterr().err.partition("\n")
    assert said == "a: Interpolation key 'nope' not found; nothing was started"
    assert hint == "" or (not IS_1_4 and "HYDRA_FULL_ERROR=1" in hint)  # 1.3 adds how to see more


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("x={'': 1}", "x={'': 1}: Hydra cannot read this override: no viable alternative at input "),
        ("x=(", "x=(: Hydra cannot read this override: "),
        ("x=postgresql://me:secret@db/{", "x=postgresql://me:***@db/{: Hydra cannot read this override: "),
    ],
)
def test_an_override_that_hydra_cannot_read_is_named(
    override: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hydra 1.3 tells only where its grammar gave up, and 1.4 all other overrides too, passwords and all."""
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    _ended(partial(OverridesParser.create().parse_overrides, ["fine=1", override]))
    said, _, hint = capsys.readouterr().err.partition("\n")
    assert said.startswith(line)
    assert "Error" not in said
    assert said.endswith("; correct it, see https://hydra.cc/docs/advanced/override_grammar/basic; nothing was started")
    assert "secret" not in said + hint
    assert hint == "" or (not IS_1_4 and "HYDRA_FULL_ERROR=1" in hint)


@pytest.mark.parametrize(("value", "came"), [("text", "'text'"), (None, "null")])
def test_what_is_in_the_place_of_the_sweeper_is_told(
    value: str | None, came: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hydra speaks of a missing `_target_`, and names neither the key nor what came."""
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    config = OmegaConf.create({"hydra": {"sweeper": value}})
    context = HydraContext(config_loader=ConfigLoaderImpl(create_config_search_path(None)), callbacks=Callbacks())
    plugins = Plugins.instance()
    _ended(partial(plugins.instantiate_sweeper, hydra_context=context, task_function=print, config=config))
    assert capsys.readouterr().err.partition("\n")[0] == (
        f"hydra.sweeper must be the fields of a sweeper, got {came}; choose one with hydra/sweeper=..., "
        "e.g. async_optuna; nothing was started"
    )


def test_an_error_in_code_of_the_users_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They need the line in which it came."""
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    _ended(lambda: OmegaConf.create({"a": 1}).nope.there)
    assert "Traceback" in capsys.readouterr().err
