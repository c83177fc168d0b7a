# SPDX-License-Identifier: MIT
"""Convert between how a rank has ended and the outcome of its trial, by the reason in the trial's directory."""

import logging
import time
import traceback
from pathlib import Path

from hyperopt_app.errors import HyperoptError
from hyperopt_app.objective.failure_kinds import Exit, kind_of, verdict_of_exit
from hyperopt_app.objective.outcomes import Failed, Interrupted, Lost, Outcome
from hyperopt_app.ranks.reasons import NODE_LOST, Reason, reason_of

__all__ = ["outcome_of_rank", "reason_of_error", "reason_of_outcome"]

_log = logging.getLogger(__name__)

# What gloo and NCCL say of another rank that is gone, in lower case; and seconds in which that rank's own end must be
# known: a dying process closes its sockets first, and on a busy machine the rest takes a while.
_OF_ANOTHER_RANK = ("connection closed by peer", "connection reset by peer", "broken pipe", "remote process exited")
_AFTER_THE_OTHER_S = 10.0
_POLL_S = 0.05


def reason_of_outcome(rank: int, outcome: Outcome | HyperoptError, directory: Path) -> Reason | None:
    """Return the reason that a rank has to leave; None if it ended as all others do. It may wait, as the next one."""
    if isinstance(outcome, HyperoptError):
        return Reason(rank, error=str(outcome), is_fault=True)
    if isinstance(outcome, Failed):
        _let_another_go_first(outcome.error, directory)
        return Reason(rank, outcome.kind, outcome.error, outcome.traceback)
    return Reason(rank, "infrastructure", outcome.reason) if isinstance(outcome, Lost) else None


def reason_of_error(rank: int, error: BaseException, directory: Path) -> Reason | None:
    """Return the reason that a rank has to leave for an exception; None if the trial is pruned or left.

    An exception that only says that another rank is gone waits a moment, since the other has the reason.
    """
    if type(error).__name__ == "TrialPruned" or isinstance(error, KeyboardInterrupt):  # a rank knows no Optuna
        return None
    if isinstance(error, HyperoptError):
        return Reason(rank, error=str(error), is_fault=True)
    text = " ".join(f"{type(error).__name__}: {error}".split())
    _let_another_go_first(text, directory)
    return Reason(rank, kind_of(error), text, "".join(traceback.format_exception(error)))


def _let_another_go_first(text: str, directory: Path) -> None:
    """Where an error only says that another rank is gone, wait until that one's reason is in the trial's directory."""
    if not any(words in text.lower() for words in _OF_ANOTHER_RANK):
        return
    until = time.monotonic() + _AFTER_THE_OTHER_S
    while reason_of(directory) is None and time.monotonic() < until:
        time.sleep(_POLL_S)


def outcome_of_rank(reason: Reason, kernel_killed: bool | None) -> Outcome:
    """Return the outcome of a trial of which a rank has failed.

    Args:
        reason: What it left.
        kernel_killed: Whether the kernel has killed a process for lack of memory meanwhile; None if unknown.

    Raises:
        HyperoptError: What the user has to correct before any trial can succeed.
    """
    if reason.is_fault:
        raise HyperoptError(reason.error)
    if reason.kind == NODE_LOST:
        _log.error("%s; the trial goes back, and this worker ends with its job", reason.error)
        return Interrupted()
    kind, text = reason.kind, reason.error
    if not kind and reason.exit_code is None:
        kind, text = "infrastructure", "its process has ended, and nobody knows how"
    elif not kind:
        kind, text = verdict_of_exit(Exit(reason.exit_code or 0, kernel_killed))
    text = f"rank {reason.rank}: {text}"
    return Lost(text) if kind == "infrastructure" else Failed(kind, text, reason.traceback)
