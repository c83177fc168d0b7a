# SPDX-License-Identifier: MIT
"""The signal law of `tests/apps/signals`: what must be true of its only trial, and which processes work on it."""

from contextlib import suppress
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.end_to_end._studies import APPS, trials_of, wait_for

APP = APPS / "signals" / "app.py"
STUDY = Path("study")
TRIAL = STUDY / "trials" / "0"
KINDS = [
    "flag",
    "exit",
    "exit at once",
    "raise",
    "ignore",
    "default",
    pytest.param("lightning", marks=pytest.mark.slow),
]


def processes_at_work(worker: int) -> list[int]:
    """A worker, its fork server and the trial, in this order, and whatever else descends from it."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = [worker]
    for pid in found:
        found += [child for child, parent in sorted(parents.items()) if parent == pid]
    return found


def trial_at_work() -> FrozenTrial:
    """The trial, as soon as it has saved a part and waits for a signal."""
    wait_for("a trial that waits for its signal", (TRIAL / "ready").exists)
    (trial,) = trials_of(STUDY)
    return trial


def assert_waits(trial: FrozenTrial) -> None:
    """It was interrupted: no failure, no loss, and its curve is kept."""
    assert trial.state == TrialState.WAITING, trial.user_attrs.get("failure", trial)
    assert "losses" not in trial.user_attrs
    assert len(trial.intermediate_values) == 2


def assert_went_on(before: FrozenTrial) -> None:
    """It has trained the rest from its checkpoint, and has the value of a whole training."""
    (trial,) = trials_of(STUDY)
    assert (trial.state, trial.value, trial.params) == (TrialState.COMPLETE, 1.0, before.params)
    assert len(trial.intermediate_values) == 4
    assert (TRIAL / "runs.txt").read_text().split() == ["0", "2"]
