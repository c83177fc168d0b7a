# SPDX-License-Identifier: MIT
"""The wish that a worker ends: signals are noted at once, and interrupt the objective where that is safe.

A worker that is interrupted while it writes to the study would leave a claim without its name or a lock without its
holder. So a signal raises KeyboardInterrupt only while the objective runs and nothing is being written; in every other
place it is only noted, and the worker's loop asks. A second signal interrupts wherever it strikes.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["Interrupts"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """One worker's answer to SIGINT and SIGTERM; for its main thread.

    Attributes:
        told_to_end: Whether a signal came.
    """

    def __init__(self) -> None:
        self.told_to_end = False
        self._in_objective = False
        self._writes = 0

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals while the body runs; in another thread than the main one they stay as they are."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        insists, self.told_to_end = self.told_to_end, True
        if insists or self._may_interrupt():
            raise KeyboardInterrupt

    def _may_interrupt(self) -> bool:
        # A report may come from a thread of the user's; Python delivers signals to the main thread alone.
        is_main = threading.current_thread() is threading.main_thread()
        return is_main and self._in_objective and self._writes == 0

    @contextlib.contextmanager
    def objective(self) -> Iterator[None]:
        """Around user code: here a signal interrupts, also one that came shortly before."""
        self._in_objective = True
        try:
            if self.told_to_end:
                raise KeyboardInterrupt
            yield
        finally:
            self._in_objective = False

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Around what user code writes to the study: a signal waits until it is written."""
        self._writes += 1
        try:
            yield
        finally:
            self._writes -= 1
        if self.told_to_end and self._may_interrupt():
            raise KeyboardInterrupt
