# SPDX-License-Identifier: MIT
"""Record and read which trials no longer count: retried, discarded by the user, or failed because of wrong code.

Optuna never changes a finished trial, so what is learned about it later is stored elsewhere. A retry is a new ticket
that names the original trial in the write that creates it. Every other reason is a study attribute, one per trial.
"""

from collections.abc import Iterable, Mapping, Sequence

import optuna
from optuna.trial import FrozenTrial

from hyperopt_app.study.records.study_records import (
    attributes_of,
    keep_discarded,
    keep_set_aside,
    set_aside_in,
    undone_of,
)
from hyperopt_app.study.records.trial_records import imported_from

__all__ = ["discard_one", "hidden_in", "set_aside", "set_aside_of", "undone_of"]


def set_aside_of(study: optuna.Study, trials: Sequence[FrozenTrial]) -> dict[int, str]:
    """Return which trials no longer count, and why, by number; `trials` must be all trials of the study."""
    return set_aside_in(attributes_of(study), trials)


def hidden_in(aside: Mapping[int, str], trials: Sequence[FrozenTrial]) -> set[int]:
    """Return the trials from which samplers and pruners do not learn: those set aside, unless they are imported ones.

    Args:
        aside: Why which trials no longer count, by number. An imported trial that is discarded has another reason.
        trials: All trials of the study.
    """
    return {number for number, reason in aside.items() if reason != imported_from(trials[number])}


def set_aside(study: optuna.Study, numbers: Iterable[int], reason: str) -> None:
    """Let finished trials count as if they had never run; the points they were given are issued again.

    Doing it again changes nothing but the reason.

    Args:
        study: The open study; driver, worker or command.
        numbers: Of finished trials.
        reason: For people, half a sentence.
    """
    for number in numbers:
        keep_set_aside(study, number, reason)


def discard_one(study: optuna.Study, number: int, reason: str) -> None:
    """Let a finished trial no longer count, although its point counts as tried; arguments as of `set_aside`."""
    keep_discarded(study, number, reason)
