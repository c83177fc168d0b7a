# SPDX-License-Identifier: MIT
"""Trials that no longer count: tried again, discarded by the user, or failed by code that was wrong from the first.

Optuna never changes a finished trial, so what is known of it later stands beside it: a new ticket names the trial that
it tries again, in the same write that makes it; every other reason is an attribute of the study, one for each trial.
"""

from collections.abc import Iterable, Sequence

import optuna
from optuna.trial import FrozenTrial

from hyperopt_app.study.trial_records import (
    attributes_of,
    discarded_in,
    keep_discarded,
    keep_set_aside,
    retried_by,
    set_aside_in,
)

__all__ = ["discard_one", "set_aside", "set_aside_of", "undone_of"]


def set_aside(study: optuna.Study, numbers: Iterable[int], reason: str) -> None:
    """Let finished trials count no longer, as if they had never run: points that they were given are given out again.

    Doing it again changes nothing but the reason.

    Args:
        study: The open study; driver, worker or command.
        numbers: Of finished trials.
        reason: For people, half a sentence.
    """
    for number in numbers:
        keep_set_aside(study, number, reason)


def discard_one(study: optuna.Study, number: int, reason: str) -> None:
    """Let a finished trial count no longer, and its point stand as tried; the arguments are those of `set_aside`."""
    keep_discarded(study, number, reason)


def undone_of(study: optuna.Study) -> set[int]:
    """The numbers of the trials whose points are to be given out again."""
    stored = attributes_of(study)
    return set_aside_in(stored).keys() - discarded_in(stored).keys()


def set_aside_of(study: optuna.Study, trials: Sequence[FrozenTrial]) -> dict[int, str]:
    """Why which trials no longer count, by number; the trials must be all of the study."""
    stored = attributes_of(study)
    reasons = set_aside_in(stored) | discarded_in(stored)
    for trial in trials:
        tried = retried_by(trial)
        if tried is not None:
            reasons[tried] = f"tried again as trial {trial.number}"
    return reasons
