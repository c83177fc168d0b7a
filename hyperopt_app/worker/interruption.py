# SPDX-License-Identifier: MIT
"""Decide whether a trial has finished, or was only interrupted because its worker was asked to end.

`Ending.was_interrupted` is the only place of that decision: for trials in the worker's process and in processes of
their own. A scheduler's signal reaches every process of a job, and an objective may have a handler of its own for it:
what it makes of the signal (an exception, an exit code, half a training returned as if it were whole) says nothing
about the trial. The trial's process may even end before its worker has heard the signal. So the process reports the
signals that strike it (`interrupts.let_strikes_be_heard`), and the worker waits a while before it judges a suspicious
end.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from hyperopt_app.errors import HyperoptError, StorageError
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Outcome, Pruned

__all__ = ["Ending", "Where", "in_chain"]


class Where(Enum):
    """Where an ending is judged, seen from the objective."""

    # In the worker, in whose process the objective runs.
    SAME_PROCESS = "same process"
    # In the trial's own process; the worker judges once more what this process then says.
    TRIAL_PROCESS = "trial's process"
    # In the worker, about what the trial's own process has said, or how it died.
    OUTSIDE = "outside"
    # In the worker, about its own part of such a trial: what prepares it, and what OUTSIDE has settled already.
    AROUND = "around"


@dataclass(frozen=True)
class Ending:
    """How a trial ended.

    Attributes:
        outcome: What its process said; a text is an error that the user has to correct, None if it said nothing.
        code: Exit status of the trial's own process; negative for the number of a signal, None while unknown.
        struck: The numbers of the signals that have struck that process.
        taken: Those of them that it left to its worker; the others went to a handler of the objective's own.
        prune_said: Whether its `should_prune` was answered True.
        raised: The exception with which it ended, in place of an outcome.
        forced: What the worker has decided before it killed the process: over time, given up, not listening.
        where: Where this is judged.
    """

    outcome: Outcome | str | None = None
    code: int | None = None
    struck: Collection[int] = ()
    taken: Collection[int] = ()
    prune_said: bool = False
    raised: BaseException | None = None
    forced: Outcome | None = None
    where: Where = Where.OUTSIDE

    def was_interrupted(self, *, asked_to_end: bool) -> bool:
        """Whether the trial has not finished, because its worker, or its own process, was asked to end.

        Args:
            asked_to_end: Whether the process that judges was asked to end.
        """
        return asked_to_end and not self.is_final

    @property
    def is_final(self) -> bool:
        """Whether it counts although the worker was asked to end."""
        if self.where is Where.OUTSIDE:
            return self.forced is not None or self._is_answer
        if self.where is Where.AROUND:
            return not isinstance(in_chain(self.raised, HyperoptError), StorageError)
        # In the objective's process. Lightning returns from an interrupted training as if it were over, other code
        # exits or fails; only an error of ours that comes through as it is says something of the study.
        if isinstance(self.raised, StorageError):
            # A worker that was asked to end waits no longer for a server that is away; for a trial's process its
            # worker judges that.
            return self.where is Where.TRIAL_PROCESS
        return isinstance(self.raised, HyperoptError)

    @property
    def _is_answer(self) -> bool:
        """Whether a trial's process has said what a signal could not have brought about.

        A value that is returned after a handler of the objective's own has run may be that of half a training: such a
        handler mostly sets a flag at which the training stops.
        """
        if isinstance(self.outcome, Completed):
            return set(self.struck) <= set(self.taken)
        return isinstance(self.outcome, Pruned) and self.prune_said

    def counted(self, *, asked_to_end: bool) -> Outcome | str | None:
        """What the end comes to; None if a process has died by itself without a word."""
        if self.was_interrupted(asked_to_end=asked_to_end):
            return Interrupted()
        return self.outcome if self.forced is None else self.forced

    def may_be_a_signals(self, numbers: Collection[int]) -> bool:
        """Whether a signal may have ended the trial's process, of which the worker may not have heard yet.

        Args:
            numbers: The signals that ask a worker to end.
        """
        if self._is_answer or isinstance(self.outcome, Interrupted):
            return False
        codes = {code for number in numbers for code in (-number, 128 + number)}
        by_exit = isinstance(self.outcome, Failed) and self.outcome.error in {f"SystemExit: {code}" for code in codes}
        return bool(self.struck) or by_exit or (self.outcome is None and self.code in codes)


def in_chain(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """The first exception of a kind among an error and its causes: Hydra's instantiate wraps what it passes on."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__
    return error
