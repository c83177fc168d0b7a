# SPDX-License-Identifier: MIT
"""Errors of Hydra's own in one line, those of the user's code as they are."""

from functools import partial
from typing import Any

import pytest
from hydra._internal import utils
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


def test_an_error_in_code_of_the_users_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They need the line in which it came."""
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    _ended(lambda: OmegaConf.create({"a": 1}).nope.there)
    assert "Traceback" in capsys.readouterr().err
