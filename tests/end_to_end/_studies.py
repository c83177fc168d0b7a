# SPDX-License-Identifier: MIT
"""What the tests ask of a study that a real command has left, or is just working on; starts nothing."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import optuna
import pytest
import yaml
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.storage.opening import open_storage

APPS = Path(__file__).resolve().parents[1] / "apps"
PATIENCE_S = 40.0  # under pytest's own limit, so that what was waited for is named

Found = TypeVar("Found")


def trials_of(study_dir: Path) -> list[FrozenTrial]:
    """The trials of the only study in a directory's journal, by number; none if there is no study yet."""
    if not (study_dir / "journal.log").exists():
        return []
    storage = open_storage(None, study_dir)
    return [
        trial
        for name in optuna.get_all_study_names(storage)
        for trial in optuna.load_study(study_name=name, storage=storage).get_trials()
    ]


def in_state(study_dir: Path, *states: TrialState) -> list[FrozenTrial]:
    """The trials in one of these states."""
    return [trial for trial in trials_of(study_dir) if trial.state in states]


def ended(study_dir: Path) -> list[FrozenTrial]:
    """The trials that are complete, pruned or failed."""
    return [trial for trial in trials_of(study_dir) if trial.state.is_finished()]


def assert_exact(study_dir: Path, n_trials: int) -> Sequence[FrozenTrial]:
    """Exactly the trials 0 to n - 1 are there, and all are complete or pruned; returns them."""
    trials = trials_of(study_dir)
    assert [trial.number for trial in trials] == list(range(n_trials))
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    return trials


def end_of(trial: FrozenTrial) -> datetime:
    """When a finished trial ended."""
    assert trial.datetime_complete is not None
    return trial.datetime_complete


def yaml_of(path: Path) -> Any:
    """A YAML file as plain data."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def wait_for(what: str, look: Callable[[], Found | None], patience_s: float = PATIENCE_S) -> Found:
    """Look until there is something, and return it; the test fails if it takes too long."""
    until = time.monotonic() + patience_s
    while not (found := look()):
        if time.monotonic() > until:
            pytest.fail(f"waited {patience_s:g} s in vain for {what}")
        time.sleep(0.02)
    return found


class Family:
    """All processes that descend from what a test has started, in whichever session they are.

    They are known by a variable in their environment, which children inherit.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark.encode()

    def alive(self) -> list[int]:
        """Their process ids."""
        return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if self._has_mark(path)]

    def _has_mark(self, environ: Path) -> bool:
        # A process that ends meanwhile, or another user's, cannot be read; a zombie's environment is empty.
        with suppress(OSError):
            return self._mark in environ.read_bytes()
        return False

    def is_gone(self) -> bool:
        """Whether none is left."""
        return not self.alive()

    def kill(self) -> None:
        """Leave none behind."""
        for pid in self.alive():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
