# SPDX-License-Identifier: MIT
"""The callback's class: its base, chosen among invented packages, and its copies."""

import copy
import importlib
import importlib.util
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hyperopt_app.callbacks.lightning import HyperoptCallback
from hyperopt_app.objective.trial import active_trial
from tests.unit.callbacks._lightning_trainings import LIGHTNINGS, PACKAGES, a_module, a_trial, train

# Advice on a machine with Slurm, which no test is about.
pytestmark = pytest.mark.filterwarnings("ignore:The `srun` command is available on your system but is not used")


@pytest.fixture
def one_pl() -> Any:
    """One package, for what does not depend on which."""
    return LIGHTNINGS["pytorch_lightning"]


@pytest.fixture
def invented(monkeypatch: pytest.MonkeyPatch) -> dict[str, type]:
    """Two invented packages, neither imported yet; their `Callback` classes by name."""
    classes: dict[str, type] = {}
    for name in PACKAGES:
        monkeypatch.delitem(sys.modules, name, raising=False)
        classes[name] = type("Callback", (), {})

    def find(name: str) -> object:
        return object()

    def load(name: str) -> ModuleType:
        module = ModuleType(name)
        module.Callback = classes[name]  # type: ignore[attr-defined]  # an invented module
        return module

    monkeypatch.setattr(importlib.util, "find_spec", find)
    monkeypatch.setattr(importlib, "import_module", load)
    return classes


@pytest.mark.parametrize(
    ("imported", "bases"),
    [(PACKAGES[:1], PACKAGES[:1]), (PACKAGES[1:], PACKAGES[1:]), (PACKAGES, PACKAGES), ((), PACKAGES[:1])],
    ids=["pytorch_lightning", "lightning", "both", "none_yet"],
)
def test_the_base_is_that_of_the_packages_in_use(
    invented: dict[str, type], monkeypatch: pytest.MonkeyPatch, imported: Sequence[str], bases: Sequence[str]
) -> None:
    """Only a package that the training code has imported is touched; the first installed one if there is none."""
    for name in imported:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    callback: Any = HyperoptCallback()
    assert [name for name in PACKAGES if isinstance(callback, invented[name])] == list(bases)


def test_without_lightning_the_message_says_what_to_install(
    invented: dict[str, type], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither package is there."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"hyperopt-app\[train\]"):
        HyperoptCallback()


def test_it_can_be_copied_and_pickled(one_pl: Any) -> None:
    """Its class is made at run time, yet a copy in this or another process is a callback again."""
    callback = HyperoptCallback(monitor="val_loss")
    callback.load_state_dict({"validations": 7})
    for twin in (copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
        assert isinstance(twin, one_pl.Callback)
        assert twin.monitor == "val_loss"
        assert twin.state_dict()["validations"] == 7


def test_a_subclass_keeps_its_name_and_its_hooks(one_pl: Any, tmp_path: Path) -> None:
    """A user may derive from it."""
    seen: list[int] = []

    class Mine(HyperoptCallback):
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            super().on_validation_end(trainer, pl_module)
            seen.append(trainer.current_epoch)

    callback = Mine()
    assert type(callback).__name__ == "Mine"
    with active_trial(a_trial(tmp_path)):
        train(one_pl, a_module(one_pl), callback)
    assert seen == [0, 1, 2]
