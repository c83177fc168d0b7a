# SPDX-License-Identifier: MIT
"""Let programs that a trial runs as a command join the trial: each rank that `torchrun` starts, or a program alone.

Runs in those programs when they first ask for their trial. What such a process starts itself, a data loader say, has
the same rank in its environment, and so does not join.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing import util
from types import TracebackType
from typing import Any

from hyperopt_app.ranks.environment import ADDRESS, PROGRAM, refuse_in_a_worker
from hyperopt_app.ranks.failures import reason_of_error
from hyperopt_app.ranks.link import RankLink, own_rank
from hyperopt_app.ranks.reasons import leave_reason

__all__ = ["join_as_program"]

# The rank as which a process has joined, and the trial, for what it starts.
_JOINED = "HYPEROPT_JOINED_AS"


def join_as_program() -> RankLink | None:
    """Join the trial whose command has started this program; None if there is none, or the parent is that rank.

    Raises:
        RanksError: It is one of several processes, and the trial runs inside its worker.
    """
    address, rank = os.environ.get(ADDRESS), own_rank()
    if rank is not None:
        refuse_in_a_worker()
    joins_as = f"{rank} of {address}"
    if not address or os.environ.get(PROGRAM) != address or os.environ.get(_JOINED) == joins_as:
        return None
    link = RankLink(rank or 0, from_start=False, in_program=True)
    os.environ[_JOINED] = joins_as
    end = _End(link, has_ranks=rank is not None)
    sys.excepthook = partial(end.note, sys.excepthook)
    util.Finalize(None, end.say, exitpriority=0)  # as other ranks do it
    return link


class _End:
    """How this process ends.

    Args:
        link: To the trial.
        has_ranks: Whether its program has several processes.
    """

    def __init__(self, link: RankLink, *, has_ranks: bool) -> None:
        self._link = link
        self._has_ranks = has_ranks
        self._error: BaseException | None = None

    def note(
        self,
        before: Callable[..., Any],
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        """Keep an exception that nobody has caught; what the trial itself has asked for does not fail."""
        asked = {"TrialPruned": self._link.is_pruned, "KeyboardInterrupt": self._link.is_leaving}
        if not asked.get(kind.__name__):
            self._error = error
            before(kind, error, trace)
            return
        sys.stderr.write(f"{str(error) or 'the trial ends at this checkpoint, to go on later'}\n")
        util._exit_function()  # type: ignore[attr-defined]  # noqa: SLF001 - what Python calls at its end
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(0)  # `torchrun` would take any other status for the failure of a rank

    def say(self) -> None:
        """Say it to the trial; a rank leaves its reason first. Of a program alone its exit code and stderr tell."""
        reason = None
        if self._error is not None and self._has_ranks:
            reason = reason_of_error(self._link.rank, self._error, self._link.facts["directory"])
        if reason is not None:
            leave_reason(self._link.facts["directory"], reason)
        self._link.end(reason)
