# SPDX-License-Identifier: MIT
"""What counts of the end of a trial's process when its worker is told to end at about the same time.

A scheduler's signal reaches every process of a job, and an objective may have a handler of its own for it: what it
makes of the signal (an exception, an exit code, half a training returned as if it were whole) says nothing about the
trial. The child may even be over before its worker has heard of its own signal. So the child tells by a pipe of its own
which signals have struck it, at the very moment, and the worker holds a suspicious end back for a while. Pure, but for
that pipe.
"""

import contextlib
import os
import signal
from collections.abc import Collection
from dataclasses import dataclass
from multiprocessing.connection import Connection

from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Outcome, Pruned

__all__ = ["Ending", "let_strikes_be_heard", "strikes"]


@dataclass(frozen=True)
class Ending:
    """How a trial's process ended.

    Attributes:
        outcome: What the process said of itself; a text is the user's to mend, None if it said nothing.
        code: Its exit status; negative for the number of a signal. None while it is unknown.
        struck: The numbers of the signals that have struck it.
        taken: Those of them that it left to its worker; the others went to a handler of the objective's own.
        prune_said: Whether its `should_prune` was answered True.
    """

    outcome: Outcome | str | None
    code: int | None = None
    struck: Collection[int] = ()
    taken: Collection[int] = ()
    prune_said: bool = False

    @property
    def is_final(self) -> bool:
        """Whether it counts although the worker is told to end.

        A value that is returned after a handler of the objective's own has run may be that of half a training: such
        a handler mostly sets a flag at which the training stops.
        """
        if isinstance(self.outcome, Completed):
            return set(self.struck) <= set(self.taken)
        return isinstance(self.outcome, Pruned) and self.prune_said

    def may_be_a_signals(self, numbers: Collection[int]) -> bool:
        """Whether a signal may have brought it about, of which the worker may not have heard yet.

        Args:
            numbers: The signals that ask a worker to end.
        """
        if self.is_final or isinstance(self.outcome, Interrupted):
            return False
        codes = {code for number in numbers for code in (-number, 128 + number)}
        by_exit = isinstance(self.outcome, Failed) and self.outcome.error in {f"SystemExit: {code}" for code in codes}
        return bool(self.struck) or by_exit or (self.outcome is None and self.code in codes)

    def counted(self, *, told_to_end: bool) -> Outcome | str | None:
        """What it comes to; whatever is not final is an interruption once the worker is told to end."""
        return Interrupted() if told_to_end and not self.is_final else self.outcome


def let_strikes_be_heard(pipe: Connection) -> None:
    """Have each signal that strikes this process, and is handled here, written to a pipe at once. Runs in the child.

    Python does that from the system's own handler, so nothing that the objective does in its handler comes before it.
    An objective that takes this channel for itself (an event loop with signal handlers) is known by its exit alone.
    """
    os.set_blocking(pipe.fileno(), False)
    signal.set_wakeup_fd(pipe.fileno(), warn_on_full_buffer=False)


def strikes(pipe: Connection) -> set[int]:
    """The numbers of the signals that were written to the other end by now. Runs in the worker."""
    os.set_blocking(pipe.fileno(), False)
    found: set[int] = set()
    with contextlib.suppress(OSError):
        while some := os.read(pipe.fileno(), 4096):
            found.update(some)
    return found
