# SPDX-License-Identifier: MIT
"""Convert between how a rank has ended and the outcome of its trial, by the reason in the trial's directory."""

from hyperopt_app.errors import HyperoptError
from hyperopt_app.objective.failure_kinds import Exit, verdict_of_exit
from hyperopt_app.objective.outcomes import Failed, Lost, Outcome
from hyperopt_app.ranks.reasons import Reason

__all__ = ["outcome_of_rank", "reason_of_outcome"]


def reason_of_outcome(rank: int, outcome: Outcome | HyperoptError) -> Reason | None:
    """Return the reason that a rank has to leave; None if it ended as all others do."""
    if isinstance(outcome, HyperoptError):
        return Reason(rank, error=str(outcome), is_fault=True)
    if isinstance(outcome, Failed):
        return Reason(rank, outcome.kind, outcome.error, outcome.traceback)
    return Reason(rank, "infrastructure", outcome.reason) if isinstance(outcome, Lost) else None


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
    kind, text = reason.kind, reason.error
    if not kind and reason.exit_code is None:
        kind, text = "infrastructure", "its process has ended, and nobody knows how"
    elif not kind:
        kind, text = verdict_of_exit(Exit(reason.exit_code or 0, kernel_killed))
    text = f"rank {reason.rank}: {text}"
    return Lost(text) if kind == "infrastructure" else Failed(kind, text, reason.traceback)
