# SPDX-License-Identifier: MIT
"""Sweeps of `tests/apps/epochs` on the test cluster: how they end, and what must be true of them then."""

import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from tests.cluster.slurm import Cluster
from tests.end_to_end._studies import APPS, assert_exact, ended, in_state

APP = APPS / "epochs" / "app.py"
EPOCHS = 5
STUDY = Path("study")

Ended = subprocess.CompletedProcess[str]
Start = Callable[..., "subprocess.Popen[str]"]


def finish(program: "subprocess.Popen[str]", timeout: float = 150) -> str:
    output, _ = program.communicate(timeout=timeout)
    assert program.returncode == 0, output
    return output


def assert_no_epoch_twice(trials: list[FrozenTrial]) -> None:
    """Every trial has trained each epoch; one that was in the making at an interruption may be there again."""
    for trial in trials:
        notes = Path(trial.user_attrs["directory"], "epochs.txt").read_text().splitlines()
        counts = Counter(int(line.split()[0]) for line in notes)
        assert sorted(counts) == list(range(EPOCHS)), f"trial {trial.number}: {notes}"
        interruptions = len(trial.user_attrs.get("losses", ())) + 1
        assert max(counts.values()) <= interruptions + 1, f"trial {trial.number}: {notes}"
        assert trial.intermediate_values.keys() == set(range(EPOCHS))


def assert_whole(n_trials: int = 12) -> list[FrozenTrial]:
    trials = list(assert_exact(STUDY, n_trials))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert_no_epoch_twice(trials)
    return trials


def until_at_work(cluster: Cluster, workers: int = 4) -> list[FrozenTrial]:
    """Wait until each worker has a trial and one trial has ended; returns the running trials as they were then.

    A trial may end at any moment, so whoever looks again may see fewer of them.
    """
    return cluster.wait_until(lambda: claimed_trials(workers) if ended(STUDY) else [])


def claimed_trials(workers: int) -> list[FrozenTrial]:
    """The running trials on which their workers have put their names, if there are so many, or else none.

    A worker does so a moment after it has taken a trial.
    """
    claimed = [trial for trial in in_state(STUDY, TrialState.RUNNING) if "claim" in trial.user_attrs]
    return claimed if len(claimed) == workers else []
