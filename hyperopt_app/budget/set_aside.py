# SPDX-License-Identifier: MIT
"""Trials that no longer count: tried again, discarded by the user, or failed by code that was wrong from the first.

Optuna never changes a finished trial, so what is known of it later stands beside it: a new ticket names the trial that
it tries again, in the same write that makes it; every other reason is an attribute of the study, one for each trial.
"""

from collections.abc import Iterable, Sequence

import optuna
from optuna.trial import FrozenTrial

__all__ = ["RETRY_OF", "discard_one", "retried_by", "set_aside", "set_aside_of", "undone_of"]

# The attribute of a ticket that tries a finished trial again: that trial's number.
RETRY_OF = "retry_of"

# Of a trial that is as if it had never run, and of one whose point is not to be tried again either.
_UNDONE, _DISCARDED = "set_aside:", "discarded:"


def set_aside(study: optuna.Study, numbers: Iterable[int], reason: str) -> None:
    """Let finished trials count no longer, as if they had never run: points that they were given are given out again.

    Doing it again changes nothing but the reason.

    Args:
        study: The open study; driver, worker or command.
        numbers: Of finished trials.
        reason: For people, half a sentence.
    """
    for number in numbers:
        study.set_user_attr(f"{_UNDONE}{number}", reason)


def discard_one(study: optuna.Study, number: int, reason: str) -> None:
    """Let a finished trial count no longer, and its point stand as tried; the arguments are those of `set_aside`."""
    study.set_user_attr(f"{_DISCARDED}{number}", reason)


def undone_of(study: optuna.Study) -> set[int]:
    """The numbers of the trials whose points are to be given out again."""
    stored = study.user_attrs
    undone = (key.removeprefix(_UNDONE) for key in stored if key.startswith(_UNDONE))
    return {int(number) for number in undone if f"{_DISCARDED}{number}" not in stored}


def set_aside_of(study: optuna.Study, trials: Sequence[FrozenTrial]) -> dict[int, str]:
    """Why which trials no longer count, by number; the trials must be all of the study."""
    reasons: dict[int, str] = {}
    for key, reason in study.user_attrs.items():
        if key.startswith((_UNDONE, _DISCARDED)):
            reasons[int(key.partition(":")[2])] = str(reason)
    for trial in trials:
        tried = retried_by(trial)
        if tried is not None:
            reasons[tried] = f"tried again as trial {trial.number}"
    return reasons


def retried_by(trial: FrozenTrial) -> int | None:
    """The number of the trial that this one tries again; None for every other trial."""
    number = trial.user_attrs.get(RETRY_OF)
    # An objective of an older release may have kept something of its own under this name.
    return number if isinstance(number, int) and 0 <= number < trial.number else None
