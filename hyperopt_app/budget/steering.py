# SPDX-License-Identifier: MIT
"""Store what `retry`, `discard`, `add` and `extend` change in a study; `driver.steering` has the commands themselves.

Optuna never changes a finished trial. Each step is a single write, so a process that dies in the middle has either
made the change or not. All steps run under the study's lock, so they see one another's changes and those of workers
that issue tickets. Running workers see a change at their next claim.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget.counting import budget_of, counting, read_budget
from hyperopt_app.budget.set_aside import discard_one, set_aside, set_aside_of
from hyperopt_app.budget.ticket_issue import ticket_again
from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.study.records.study_records import lists_points
from hyperopt_app.study.records.trial_records import grows_budget, imported_from, point_of, waiting_ticket
from hyperopt_app.study.trial_facts import failure_kind, state_word

__all__ = ["add_point", "discard", "extend", "failed_trials", "retry"]


def retry(study: optuna.Study, numbers: Iterable[int]) -> dict[int, int]:
    """Retry finished trials with their parameters; a trial no longer counts once its new ticket exists.

    Returns:
        The number of each to that of its ticket.

    Raises:
        StudyMismatchError: One of them cannot be tried again; then none is.
    """
    trials, aside = _trials_of(study)
    wanted = list(dict.fromkeys(numbers))
    within = {trial.number for trial in _budget(study)}
    faults = [_why_not(trials, number, aside, within, "tried again") for number in wanted]
    _refuse(faults)
    tickets = {}
    for number in wanted:
        tickets[number] = len(study.get_trials(deepcopy=False))
        study.add_trial(ticket_again(trials[number]))
    return tickets


def failed_trials(study: optuna.Study, kinds: Collection[str]) -> list[int]:
    """Return the failed trials of the budget, of some kinds, or of all kinds without any.

    Args:
        study: The open study.
        kinds: Of `objective.failure_kinds`.
    """
    failed = [trial for trial in _budget(study) if trial.state == TrialState.FAIL]
    return [trial.number for trial in failed if not kinds or failure_kind(trial) in kinds]


def discard(study: optuna.Study, numbers: Iterable[int]) -> None:
    """Let finished trials no longer count; another trial takes each one's place in the budget.

    Raises:
        StudyMismatchError: One of them cannot be discarded; then none is.
    """
    trials, aside = _trials_of(study)
    wanted = list(dict.fromkeys(numbers))
    _refuse([_why_not(trials, number, aside, None, "discarded") for number in wanted])
    for number in wanted:
        if grows_budget(trials[number]) and point_of(trials[number]) is None:
            study.add_trial(waiting_ticket({}, grows=True))  # first, so that no place of `extend` is ever lost
        if lists_points(study):
            # A grid has nothing else to put in its place.
            set_aside(study, [number], "discarded by the user")
        else:
            discard_one(study, number, "discarded by the user")


def add_point(study: optuna.Study, point: Mapping[str, Any], hand: Tickets, *, grows: bool) -> int:
    """Assign a point to a free ticket of the budget, or to an additional one.

    Args:
        study: The open study.
        point: By name, as the study holds it.
        hand: On the study's tickets.
        grows: Whether the budget gets one trial more for it.

    Returns:
        The number of its trial.

    Raises:
        StudyMismatchError: No ticket is free, and the budget is not to grow.
    """
    trials, aside = _trials_of(study)
    if grows:
        study.add_trial(waiting_ticket(point, grows=True))
        return len(trials)
    number = hand.carry_one(point)
    if number is not None:
        return number
    asked = budget_of(study)
    if asked is not None and len(counting(trials, aside)[0]) < asked:
        study.add_trial(waiting_ticket(point))
        return len(trials)
    raise StudyMismatchError(
        f"No trial is free for the point: all {len(_budget(study))} of the budget have started or have a point. "
        "Give --grow to enlarge the budget by one trial, or discard a trial that has ended."
    )


def extend(study: optuna.Study, n_trials: int) -> list[int]:
    """Enlarge the budget by trials that draw their parameters.

    Each is a ticket that enlarges the budget by itself. So workers that run take them too, and the command of the
    search with the `n_trials` of before neither loses them nor counts them twice.

    Args:
        study: The open study.
        n_trials: How many trials more.

    Returns:
        Their numbers.

    Raises:
        StudyMismatchError: The study tries each point of a grid, and has no other.
    """
    if lists_points(study):
        raise StudyMismatchError(
            "The study tries each point of a grid once, so there is nothing for more trials to try; retry trials with "
            "hyperopt-app retry, or search a larger grid in another study."
        )
    first = len(study.get_trials(deepcopy=False))
    for _ in range(n_trials):
        study.add_trial(waiting_ticket({}, grows=True))
    return list(range(first, first + n_trials))


def _trials_of(study: optuna.Study) -> tuple[Sequence[FrozenTrial], Mapping[int, str]]:
    trials = study.get_trials(deepcopy=False)
    return trials, set_aside_of(study, trials)


def _budget(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials of the last command's budget; all that count if no command of this package stored one."""
    asked = budget_of(study)
    return read_budget(study, len(study.get_trials(deepcopy=False)) if asked is None else asked)


def _why_not(
    trials: Sequence[FrozenTrial],
    number: int,
    aside: Mapping[int, str],
    within: Collection[int] | None,
    done: str,
) -> str | None:
    """Say why a trial cannot be retried or discarded; None if it can."""
    if not 0 <= number < len(trials):
        has = f"its trials are 0 to {len(trials) - 1}" if trials else "it has no trial"
        return f"trial {number}: the study has no such trial; {has}"
    trial = trials[number]
    if number in aside and not (done == "discarded" and aside[number] == imported_from(trial)):
        return f"trial {number}: it no longer counts ({aside[number]}), so it cannot be {done}"
    if not trial.state.is_finished():
        return f"trial {number}: it is {state_word(trial)}; only a trial that has ended can be {done}"
    if within is not None and number not in within:
        return f"trial {number}: it is beyond the budget of the last command, so it would not run; raise n_trials first"
    return None


def _refuse(faults: Sequence[str | None]) -> None:
    refusals = [fault for fault in faults if fault is not None]
    if refusals:
        raise StudyMismatchError("Nothing was changed:\n" + "\n".join(f"  - {fault}" for fault in refusals))
