# SPDX-License-Identifier: MIT
"""Compute and store the budget of a study, and create its tickets: new ones and retries."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget.counting import budget_trials, counting
from hyperopt_app.budget.set_aside import set_aside_of, undone_of
from hyperopt_app.study.records.study_records import keep_lists_points, keep_n_trials
from hyperopt_app.study.records.trial_records import (
    claim_of,
    grows_budget,
    imported_from,
    point_of,
    retried_by,
    waiting_ticket,
)
from hyperopt_app.study.trial_facts import is_parked

__all__ = [
    "FEW",
    "budget_with_room",
    "issue",
    "issue_again",
    "keep_budget",
    "points_left",
    "still_undone",
    "ticket_again",
]

# How many tickets wait after they were issued, and below how many further ones are. In a database each claim reads
# every unfinished trial, and each trial that is made waits for the disk: twenty thousand at once took two minutes.
_AHEAD = 128
FEW = 32


def keep_budget(study: optuna.Study, n_trials: int, *, listed: bool = False) -> None:
    """Store the budget in the study, for readers that have no plan. Runs in the driver.

    Args:
        study: The study.
        n_trials: What the command asks for.
        listed: Whether the tickets carry every point of the space, so that no other is left to try.
    """
    keep_n_trials(study, n_trials)
    keep_lists_points(study, listed)


def issue(study: optuna.Study, n_trials: int, points: Sequence[Mapping[str, Any]] = ()) -> int:
    """Bring the study to `n_trials` tickets that count, or to so many that enough of them wait.

    Runs in the driver and in workers, under the study's lock. Tickets beyond the budget stay where they are and are
    not claimed.

    Args:
        study: The study.
        n_trials: The budget.
        points: What the first tickets that are added carry; all of them are issued that the study does not have yet,
            and before them those of trials that are set aside as if they had never run.

    Returns:
        How many tickets were added.
    """
    again = issue_again(study)
    trials = study.get_trials(deepcopy=False)
    aside = set_aside_of(study, trials)
    budget = budget_trials(trials, aside, n_trials)
    waiting = sum(trial.state == TrialState.WAITING and not is_parked(trial) for trial in budget)
    have, left = len(counting(trials, aside)[0]), points_left(trials, points, still_undone(study, trials))
    wanted = max(0, min(n_trials - have, max(_AHEAD - waiting, len(left))))
    for point in left[:wanted]:
        study.enqueue_trial(dict(point))
    for _ in range(wanted - len(left)):
        study.add_trial(optuna.trial.create_trial(state=TrialState.WAITING))
    return wanted + again


def issue_again(study: optuna.Study) -> int:
    """Issue tickets for trials of `retry`, `add --grow` and `extend` that count as if they had never run.

    Each such trial has a place of its own in the budget, which a point that is given out with others would not have.
    Under the study's lock, so that each is tried once.

    Returns:
        How many tickets were added.
    """
    trials = study.get_trials(deepcopy=False)
    undone = [trials[number] for number in sorted(still_undone(study, trials))]
    own = [trial for trial in undone if grows_budget(trial) or retried_by(trial) is not None]
    for trial in own:
        study.add_trial(ticket_again(trial))
    return len(own)


def still_undone(study: optuna.Study, trials: Sequence[FrozenTrial]) -> set[int]:
    """Return the numbers of the trials that count as never run and that no ticket retries."""
    undone = undone_of(study)
    return undone - {retried_by(trial) for trial in trials} if undone else undone


def ticket_again(trial: FrozenTrial) -> FrozenTrial:
    """Build a ticket that retries a finished trial with its parameters."""
    # What the sampler chose stands over what the ticket was given; a parameter that was not reached is drawn anew.
    point = {**(point_of(trial) or {}), **trial.params}
    return waiting_ticket(point, grows=grows_budget(trial), retry_of=trial.number)


def budget_with_room(trials: Sequence[FrozenTrial], aside: Collection[int], n_trials: int, points: int) -> int:
    """Return the smallest budget in which so many further points find a ticket.

    Args:
        trials: All of the study; those of a larger budget before may wait beyond the budget of today.
        aside: The numbers of those that no longer count.
        n_trials: The budget, in which no ticket is free.
        points: How many points have found none.
    """
    ordinary, _ = counting(trials, aside)
    beyond = [place for place, trial in enumerate(ordinary) if place >= n_trials and _is_free(trial)]
    return beyond[points - 1] + 1 if points <= len(beyond) else max(n_trials, len(ordinary)) + points - len(beyond)


def _is_free(trial: FrozenTrial) -> bool:
    is_new = trial.state == TrialState.WAITING and point_of(trial) is None and not trial.params
    return is_new and retried_by(trial) is None


def points_left(
    trials: Sequence[FrozenTrial], points: Sequence[Mapping[str, Any]], undone: Collection[int] = ()
) -> list[Mapping[str, Any]]:
    """Return the points that no ticket carries or has carried, in order.

    A point that stands twice in the list wants two tickets, of which none tries another again. A trial of another
    tool, which no worker of ours has held, has a point if its parameters are those of the point.

    Args:
        trials: All of the study.
        points: Those of the command.
        undone: The numbers of trials that are as if they had never run; a point of theirs that the command does not
            have, because the user has added it, comes first.
    """
    first = [(trial, point) for trial in trials if (point := point_of(trial)) is not None and retried_by(trial) is None]
    had = Counter(_key_of_point(point) for trial, point in first if trial.number not in undone)
    lost = [point for trial, point in first if trial.number in undone]
    strangers = (trial for trial in trials if point_of(trial) is None and claim_of(trial) is None)
    foreign = (trial for trial in strangers if not imported_from(trial))
    others = [trial.params for trial in foreign if trial.params]
    left = []
    for point in [*_beyond(lost, points), *points]:
        text = _key_of_point(point)
        if had[text] > 0:
            had[text] -= 1
        elif not point or not any(params.items() >= point.items() for params in others):
            left.append(point)
    return left


def _beyond(points: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the points left after each of the others has removed one equal to it."""
    taken, beyond = Counter(map(_key_of_point, others)), list[Mapping[str, Any]]()
    for point in points:
        taken[_key_of_point(point)] -= 1
        if taken[_key_of_point(point)] < 0:
            beyond.append(point)
    return beyond


def _key_of_point(point: Mapping[str, Any]) -> str:
    """Return a key that is equal for equal points, also after JSON; true and 1 differ."""
    whole = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in point.items()
    }
    return json.dumps(whole, sort_keys=True, default=str)
