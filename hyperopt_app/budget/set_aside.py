# SPDX-License-Identifier: MIT
"""Trials that no longer count: tried again, discarded by the user, or failed by code that was wrong from the first.

Optuna never changes a finished trial, so what is known of it later stands beside it: a new ticket names the trial that
it tries again, in the same write that makes it; every other reason is an attribute of the study, one for each trial.
"""

from collections.abc import Iterable, Sequence

import optuna
from optuna.trial import FrozenTrial

__all__ = ["RETRY_OF", "retried_by", "set_aside", "set_aside_of"]

# The attribute of a ticket that tries a finished trial again: that trial's number.
RETRY_OF = "retry_of"

_PREFIX = "set_aside:"


def set_aside(study: optuna.Study, numbers: Iterable[int], reason: str) -> None:
    """Let finished trials count no longer; doing it again changes nothing but the reason.

    Args:
        study: The open study; driver, worker or command.
        numbers: Of finished trials.
        reason: For people, half a sentence.
    """
    for number in numbers:
        study.set_user_attr(f"{_PREFIX}{number}", reason)


def set_aside_of(study: optuna.Study, trials: Sequence[FrozenTrial]) -> dict[int, str]:
    """Why which trials no longer count, by number; the trials must be all of the study."""
    stored = study.user_attrs.items()
    reasons = {int(key.removeprefix(_PREFIX)): str(reason) for key, reason in stored if key.startswith(_PREFIX)}
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
