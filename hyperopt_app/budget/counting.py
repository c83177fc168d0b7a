# SPDX-License-Identifier: MIT
"""Which trials are the budget: the one rule that all who count a study's trials use; pure but for one reading.

The budget is the number of trials that count. A trial that is set aside leaves its place to the next one, a ticket
that tries a trial again has that trial's place, and a trial by which the user has enlarged the budget stands outside.
"""

from collections.abc import Collection, Mapping, Sequence

import optuna
from optuna.trial import FrozenTrial

from hyperopt_app.budget.set_aside import set_aside_of
from hyperopt_app.study.trial_records import growing, retries

__all__ = ["budget_size", "budget_trials", "counting", "left_of", "read_budget", "read_counting"]


def read_budget(study: optuna.Study, n_trials: int) -> list[FrozenTrial]:
    """The trials of the budget as the study is now, by number; do not change them."""
    trials = study.get_trials(deepcopy=False)
    return budget_trials(trials, set_aside_of(study, trials), n_trials)


def read_counting(study: optuna.Study) -> list[FrozenTrial]:
    """All trials of the study that are not set aside, be they within the budget or not; do not change them."""
    trials = study.get_trials(deepcopy=False)
    aside = set_aside_of(study, trials)
    return [trial for trial in trials if trial.number not in aside] if aside else trials


def budget_trials(trials: Sequence[FrozenTrial], aside: Collection[int], n_trials: int) -> list[FrozenTrial]:
    """The trials of the budget: the first `n_trials` of those that count, and all by which it was enlarged; pure.

    Args:
        trials: All of the study, by number.
        aside: The numbers of those that count no longer.
        n_trials: What the command asks for.

    Returns:
        They, by number; fewer than the budget while tickets are still to be issued.
    """
    ordinary, extra = counting(trials, aside)
    chosen = [*ordinary[:n_trials], *extra]
    chosen.sort(key=lambda trial: trial.number)
    return chosen


def budget_size(trials: Sequence[FrozenTrial], n_trials: int) -> int:
    """How many trials the whole budget has; pure.

    Args:
        trials: Those of the budget that there are, or more, but none that is set aside.
        n_trials: What the command asks for.
    """
    return n_trials + len(growing(trials))


def left_of(trials: Sequence[FrozenTrial], n_trials: int) -> int:
    """How many trials of the budget have not ended, be their tickets issued or not; pure.

    Args:
        trials: Those of the budget that there are.
        n_trials: What the command asks for.
    """
    return budget_size(trials, n_trials) - sum(trial.state.is_finished() for trial in trials)


def counting(trials: Sequence[FrozenTrial], aside: Collection[int]) -> tuple[list[FrozenTrial], list[FrozenTrial]]:
    """The trials that count, the ordinary ones in the order of their places, and those that enlarge the budget; pure.

    Args:
        trials: All of the study, by number.
        aside: The numbers of those that count no longer.
    """
    grow = growing(trials)
    ordinary = [trial for trial in trials if trial.number not in aside and trial.number not in grow]
    extra = [trial for trial in trials if trial.number not in aside and trial.number in grow]
    retried = retries(trials)
    if any(trial.number in retried for trial in ordinary):
        places = _places(trials, retried)
        ordinary.sort(key=lambda trial: (places[trial.number], trial.number))
    return ordinary, extra


def _places(trials: Sequence[FrozenTrial], retried: Mapping[int, int]) -> dict[int, int]:
    """The place of each trial: its number, or the place of the trial that it tries again."""
    places: dict[int, int] = {}
    for trial in trials:
        tried = retried.get(trial.number, trial.number)
        places[trial.number] = places.get(tried, tried)
    return places
