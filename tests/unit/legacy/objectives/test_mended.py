# SPDX-License-Identifier: MIT
"""An installed package of the original that is older than today's Optuna."""

import importlib
import inspect
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperopt_app.legacy.objectives.pruning import KerasPruningCallback
from hyperopt_app.legacy.objectives.suggestions import trial_suggest_loader
from hyperopt_app.legacy.objectives.surface import surface
from hyperopt_app.study import repeated_warnings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test has put on the search path is imported by no other, and nothing was told yet."""
    monkeypatch.setattr(repeated_warnings, "_said_alone", set())
    monkeypatch.syspath_prepend(str(Path("site").absolute()))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "echo"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def installed(**texts: str) -> None:
    """Modules of the package echo.src, by name."""
    folder = Path("site/echo/src")
    folder.mkdir(parents=True)
    for name in ("../__init__", "__init__"):
        (folder / f"{name}.py").touch()
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")


def test_a_module_that_fails_is_stood_in_for_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """Its neighbours are the installed ones, and import from it; afterwards it is gone again."""
    installed(
        trial_suggest="import optuna.samplers._tpe.no_such_module\n",
        base_objective="from echo.src.trial_suggest import trial_suggest_loader\nOLD = True\n",
    )
    with caplog.at_level(logging.WARNING), surface():
        found = importlib.import_module("echo.src.base_objective")
        assert (found.OLD, found.trial_suggest_loader) == (True, trial_suggest_loader)
        starred: dict[str, object] = {}
        exec("from echo.src.trial_suggest import *", starred)  # noqa: S102 - the very statement of users
        assert starred["trial_suggest_loader"] is trial_suggest_loader
    assert "echo.src.trial_suggest" not in sys.modules
    (record,) = caplog.records
    path = Path("site/echo/src/trial_suggest.py").absolute()
    assert record.message.startswith(f"echo.src.trial_suggest, installed in {path}, cannot be imported (Module")


def test_the_callback_is_ours_in_any_case() -> None:
    """That of release 1.2 is no callback of Keras."""
    installed(pruners="class KerasPruningCallback: pass\nOWN = 1\n", samplers="OWN = 2\n")
    with surface():
        pruners = importlib.import_module("echo.src.pruners")
        assert (pruners.KerasPruningCallback, pruners.OWN) == (KerasPruningCallback, 1)
        assert vars(importlib.import_module("echo.src.samplers"))["OWN"] == 2
        assert "OWN = 1" in inspect.getsource(pruners)


def test_modules_that_nobody_offers_fail_as_they_do() -> None:
    """They are the package's own business."""
    installed(mine="1 / 0\n")
    with surface(), pytest.raises(ZeroDivisionError):
        importlib.import_module("echo.src.mine")
