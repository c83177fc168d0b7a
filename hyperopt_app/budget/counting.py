# SPDX-License-Identifier: MIT
"""Decide which trials count towards the budget; everything that counts a study's trials uses this rule.

The budget is the number of trials that count. A trial that is set aside frees its place for the next trial. A ticket
that retries a trial takes that trial's place. A trial by which the user enlarged the budget is counted separately.
All functions are pure except those that read the study.
"""

from collections.abc import Collection, Mapping, Sequence

import optuna
from optuna.trial import FrozenTrial

from hyperopt_app.budget.set_aside import set_aside_of
from hyperopt_app.study.records.study_records import attributes_of, budget_in
from hyperopt_app.study.records.trial_records import growing, retries

__all__ = ["budget_of", "budget_size", "budget_trials", "counting", "left_of", "read_budget", "read_counting"]


def budget_of(study: optuna.Study) -> int | None:
    """Return the budget of the last command; None if no driver has stored one."""
    return budget_in(attributes_of(study))


def read_budget(study: optuna.Study, n_trials: int) -> list[FrozenTrial]:
    """Read the trials of the budget, by number; do not change them."""
    trials = study.get_trials(deepcopy=False)
    return budget_trials(trials, set_aside_of(study, trials), n_trials)


def read_counting(study: optuna.Study) -> list[FrozenTrial]:
    """Read all trials that are not set aside, within the budget or not; do not change them."""
    trials = study.get_trials(deepcopy=False)
    aside = set_aside_of(study, trials)
    return [trial for trial in trials if trial.number not in aside] if aside else trials


def budget_trials(trials: Sequence[FrozenTrial], aside: Collection[int], n_trials: int) -> list[FrozenTrial]:
    """Select the trials of the budget: the first `n_trials` that count, and all by which it was enlarged.

    Args:
        trials: All of the study, by number.
        aside: The numbers of those that no longer count.
        n_trials: What the command asks for.

    Returns:
        They, by number; fewer than the budget while tickets are still to be issued.
    """
    ordinary, extra = counting(trials, aside)
    chosen = [*ordinary[:n_trials], *extra]
    chosen.sort(key=lambda trial: trial.number)
    return chosen


def budget_size(trials: Sequence[FrozenTrial], n_trials: int) -> int:
    """Return the number of trials of the whole budget.

    Args:
        trials: Those of the budget that there are, or more, but none that is set aside.
        n_trials: What the command asks for.
    """
    return n_trials + len(growing(trials))


def left_of(trials: Sequence[FrozenTrial], n_trials: int) -> int:
    """Return how many trials of the budget have not ended, whether their tickets are issued or not.

    Args:
        trials: Those of the budget that there are.
        n_trials: What the command asks for.
    """
    return budget_size(trials, n_trials) - sum(trial.state.is_finished() for trial in trials)


def counting(trials: Sequence[FrozenTrial], aside: Collection[int]) -> tuple[list[FrozenTrial], list[FrozenTrial]]:
    """Return the trials that count: the ordinary ones in order, and those that enlarge the budget.

    Args:
        trials: All of the study, by number.
        aside: The numbers of those that no longer count.
    """
    grow = growing(trials)
    ordinary = [trial for trial in trials if trial.number not in aside and trial.number not in grow]
    extra = [trial for trial in trials if trial.number not in aside and trial.number in grow]
    retried = retries(trials) if aside else {}  # what is tried again no longer counts itself
    if any(trial.number in retried for trial in ordinary):
        places = _places_in_budget(trials, retried)
        ordinary.sort(key=lambda trial: (places[trial.number], trial.number))
    return ordinary, extra


def _places_in_budget(trials: Sequence[FrozenTrial], retried: Mapping[int, int]) -> dict[int, int]:
    """Return the place of each trial: its number, or that of the trial it retries."""
    places: dict[int, int] = {}
    for trial in trials:
        tried = retried.get(trial.number, trial.number)
        places[trial.number] = places.get(tried, tried)
    return places
