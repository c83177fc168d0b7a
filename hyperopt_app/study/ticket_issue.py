# SPDX-License-Identifier: MIT
"""The budget of a study, and the tickets that are issued for it."""

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import TrialState

__all__ = ["FEW", "budget_of", "issue", "keep_budget"]

# How many tickets wait after they were issued, and below how many further ones are. In a database each claim reads
# every unfinished trial, and each trial that is made waits for the disk: twenty thousand at once took two minutes.
_AHEAD = 128
FEW = 32


def keep_budget(study: optuna.Study, n_trials: int) -> None:
    """Write the budget into the study, for those who look at it without its plan. Runs in the driver."""
    study.set_user_attr("n_trials", n_trials)


def budget_of(study: optuna.Study) -> int | None:
    """The budget of the last command, None if no driver has written one."""
    return study.user_attrs.get("n_trials")


def issue(study: optuna.Study, n_trials: int, points: Sequence[Mapping[str, Any]] = ()) -> int:
    """Bring the study to `n_trials` tickets, or to so many that enough of them wait.

    Runs in the driver and in workers, under the study's lock. Numbers beyond `n_trials` stay where they are and are
    not claimed.

    Args:
        study: The study.
        n_trials: The budget.
        points: The first tickets of an empty study carry these points; all of them are issued.

    Returns:
        How many tickets were added.
    """
    trials = study.get_trials(deepcopy=False)
    waiting = sum(trial.state == TrialState.WAITING and trial.number < n_trials for trial in trials)
    have = len(trials)
    wanted = min(n_trials, max(have + _AHEAD - waiting, len(points)))
    for number in range(have, wanted):
        if number < len(points):
            study.enqueue_trial(dict(points[number]))
        else:
            study.add_trial(optuna.trial.create_trial(state=TrialState.WAITING))
    return max(0, wanted - have)
