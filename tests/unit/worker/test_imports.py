# SPDX-License-Identifier: MIT
"""What the server of the trials' processes imports beforehand."""

import sys
from types import ModuleType

import pytest

from hyperopt_app.worker.fork_server import Imports, preload_names


def test_packages_come_before_their_parts() -> None:
    """Each once; nothing of the standard library, of the program itself or of the tests."""
    modules = ["numpy.linalg", "json", "__main__", "numpy", "tests.unit", "numpy", "optuna"]
    assert preload_names(modules) == ["numpy", "optuna", "numpy.linalg"]


def test_what_does_not_fit_is_left_to_the_trials() -> None:
    """A command line has an end."""
    assert preload_names(["numpy", "optuna", "rich"], most=19) == ["numpy", "optuna"]


def test_what_torch_imports_late_is_imported_early() -> None:
    """Its first optimizer imports it, which each trial would do anew."""
    assert preload_names(["torch", "numpy"]) == ["numpy", "torch", "torch._dynamo"]
    assert preload_names(["numpy"]) == ["numpy"]


def test_a_later_trial_gets_what_can_be_forked_and_was_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages and their parts; not parts of parts, what was there, or a package that may start threads."""
    imports = Imports()
    for name in ("timm", "timm.models", "timm.models.vit", "tensorflow", "mine", "einops"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    assert imports.forkable() == ["timm", "timm.models", "einops"]
    assert Imports().forkable() == []


def test_a_trial_that_sets_the_number_of_threads_imports_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries read it while they are imported, and the server has another value."""
    imports = Imports()
    monkeypatch.setitem(sys.modules, "timm", ModuleType("timm"))
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert imports.forkable() == []
