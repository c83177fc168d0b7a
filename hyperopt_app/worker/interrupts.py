# SPDX-License-Identifier: MIT
"""Handle the signals that ask a worker to end: note them at once, and interrupt the objective where that is safe.

A worker that is interrupted while it writes to the study would leave a claim without its name or a lock without its
holder. So a signal raises KeyboardInterrupt only while the objective runs in this very process and nothing is being
written; in every other place it is only noted, and the worker's loop asks. An objective that says when it has
written a checkpoint is given some time to reach the next one. A trial's own process reports the signals that strike it
to its worker by a pipe. What an interrupted trial comes to is decided in `interruption`.
"""

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any, Protocol

__all__ = ["END_SIGNALS", "EndRequest", "Interrupts", "let_strikes_be_heard", "signal_numbers", "strikes"]

_log = logging.getLogger(__name__)

# SIGINT: Ctrl-C and `local_workers`. SIGTERM: scancel, preemption. USR1 and USR2: a time limit that comes near.
END_SIGNALS = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2")

# Of a program's own faults, of its terminal and children, of its timers: a worker that ended on one of them would end
# for nothing, or hide a crash.
_NOT_TO_END = {
    *("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGIOT", "SIGTRAP", "SIGSYS", "SIGSTKFLT"),
    *("SIGCHLD", "SIGCLD", "SIGCONT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGWINCH", "SIGURG", "SIGPIPE"),
    *("SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPOLL"),
}

# Seconds. Slurm sends a job's signals to each of its processes and repeats them: that is one wish, not two.
_ONE_WISH_S = 2.0


def signal_numbers(names: Sequence[str]) -> list[signal.Signals]:
    """Signals by name, with or without `SIG`.

    Raises:
        ValueError: The signal does not exist, or cannot be caught.
    """
    numbers = []
    for name in names:
        word = str(name).upper()
        full = word if word.startswith("SIG") else f"SIG{word}"
        if full not in signal.Signals.__members__ or full in {"SIGKILL", "SIGSTOP"}:
            raise ValueError(f"{name}: this signal does not exist or cannot be caught")
        if full in _NOT_TO_END:
            raise ValueError(f"{name}: this signal is sent for other reasons than to end a program")
        numbers.append(signal.Signals[full])
    return numbers


class EndRequest(Protocol):
    """Knows whether a worker, or a trial's own process, was asked to end."""

    @property
    def asked_to_end(self) -> bool:
        """Whether it was."""

    def next_trial(self) -> bool:
        """Return whether only the trial that has just ended was asked to end, and forget it."""


class Interrupts:
    """Handles the signals that ask one worker to end; for its main thread.

    Args:
        names: The signals.
        grace_s: Seconds that an objective which writes checkpoints is given to reach its next one.
        insist: Whether a second SIGINT raises wherever it strikes; not in a worker whose objective runs in another
            process, since that worker always handles the first.

    Attributes:
        asked_to_end: Whether a signal came, or the time is over.
        wishes: How often; signals close together are one wish.
        cooperative: Whether the objective says when it has written a checkpoint.
        is_for_study: Whether the study has asked, and nobody for this process.
        is_for_trial: Whether the running trial was asked to end alone; the next one is not.
    """

    def __init__(self, names: Sequence[str] = END_SIGNALS, grace_s: float = 0.0, *, insist: bool = True) -> None:
        self.wishes = 0
        self.cooperative = self.is_for_study = self.is_for_trial = False
        self._numbers = signal_numbers(names)
        self._grace_s = grace_s
        self._insist = insist
        self._in_objective = False
        self._writes = 0
        self._heard = float("-inf")
        self._timer: threading.Timer | None = None
        self._is_ours = False
        self._grace_is_over = False
        self._before: dict[int, Any] = {}

    @property
    def numbers(self) -> Sequence[signal.Signals]:
        """The signals that it answers."""
        return tuple(self._numbers)

    @property
    def asked_to_end(self) -> bool:
        """Whether a signal came, or `end` was called, or `end_trial` for the running trial."""
        return self.wishes > 0 or self.is_for_trial

    def end(self, *, for_study: bool = False) -> None:
        """Ask to end without a signal.

        Args:
            for_study: The study stops at once, so that the program itself, where it is the driver, goes on.
        """
        self.is_for_study = for_study
        self.wishes += 1

    def end_trial(self) -> None:
        """Ask the running trial alone to end at its checkpoint; this process goes on with another."""
        self.is_for_trial = True

    def next_trial(self) -> bool:
        """Return whether only the trial that has just ended was asked to end, and forget it."""
        was_for_trial, self.is_for_trial = self.is_for_trial, False
        return was_for_trial and not self.asked_to_end

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals while the body runs; in another thread than the main one they stay as they are."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._before = {number: signal.signal(number, self._note) for number in self._numbers}
        try:
            yield
        finally:
            self._stop_timer()
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._is_ours:
            self._is_ours, self._grace_is_over = False, True
            if self._may_interrupt():
                raise KeyboardInterrupt
            return
        now = time.monotonic()
        repeats, self._heard = now - self._heard < _ONE_WISH_S, now
        self.is_for_study = False
        insists = self.wishes > 0 and self._insist and number == signal.SIGINT
        self.wishes += not repeats
        self._chain(number, frame)
        if insists:
            raise KeyboardInterrupt
        if self._may_interrupt():
            self._interrupt()

    def _chain(self, number: int, frame: FrameType | None) -> None:
        """Call the handler that was there before, unless it is one that only ends the process.

        Some end the process when they are done (submitit's, after it has queued its job again): not while this worker
        holds a ticket.
        """
        before = self._before.get(number)
        if not callable(before) or before is signal.default_int_handler:
            return
        try:
            before(number, frame)
        except KeyboardInterrupt:
            pass  # that is what this signal means here, too
        except SystemExit as error:
            _log.info("%s: the worker ends when its trial is put away (%s)", signal.Signals(number).name, error)
        except Exception:  # noqa: BLE001 - the user's own handler; it is logged, and the ticket is given back
            _log.exception("%s: an earlier handler failed", signal.Signals(number).name)

    def _interrupt(self) -> None:
        if not self.cooperative or self._grace_s <= 0 or self._grace_is_over:
            raise KeyboardInterrupt
        if self._timer is None:
            self._timer = threading.Timer(self._grace_s, self._end_grace)
            self._timer.daemon = True
            self._timer.start()

    def _end_grace(self) -> None:
        """Interrupt the main thread, from the timer's: as a signal of our own, which waits for a write as any does."""
        self._is_ours = True
        os.kill(os.getpid(), self._numbers[0])

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _may_interrupt(self) -> bool:
        # A report may come from a thread of the user's; Python delivers signals to the main thread alone.
        is_main = threading.current_thread() is threading.main_thread()
        return is_main and self._in_objective and self._writes == 0

    @contextlib.contextmanager
    def objective(self) -> Iterator[None]:
        """Around user code: here a signal interrupts, also one that came shortly before."""
        self._in_objective, self.cooperative = True, False
        try:
            if self.asked_to_end:
                raise KeyboardInterrupt
            yield
        finally:
            self._in_objective = False
            self._stop_timer()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Around what user code writes to the study: a signal waits until it is written."""
        self._writes += 1
        try:
            yield
        finally:
            self._writes -= 1
        if self.asked_to_end and self._may_interrupt():
            self._interrupt()

    def at_checkpoint(self, ends: Callable[[], bool] | None = None) -> None:
        """The objective has written a checkpoint: end here if that is wanted.

        Args:
            ends: Asks somebody else whether it is wanted; by default this object is asked.

        Raises:
            KeyboardInterrupt: It is; `asked_to_end` is true then.
        """
        self.cooperative = True
        if ends is not None and ends():
            self.end()
        if self.asked_to_end:
            raise KeyboardInterrupt


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
    numbers: set[int] = set()
    with contextlib.suppress(OSError):
        while written := os.read(pipe.fileno(), 4096):
            numbers.update(written)
    return numbers
