# SPDX-License-Identifier: MIT
"""End the group of a program that a trial has started, with a signal first and by force after a grace time.

A program may start others, also in sessions of their own (`torchrun` does). All of them inherit an environment variable
with the trial's directory, by which those that have left the group are known.
"""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from hyperopt_app.processes.entries import entry_of, start_ticks

__all__ = ["DIRECTORY", "ProgramGroup", "end_marked"]

# The environment variable with the absolute directory of the trial for which a program runs.
DIRECTORY = "HYPEROPT_TRIAL_DIRECTORY"

_POLL_S = 0.02
# A killed process that waits for a disk is over later.
_PATIENCE_S = 2.0
# So many looks in a row that find nothing say that nothing is left.
_EMPTY_LOOKS = 2


@dataclass(frozen=True)
class ProgramGroup:
    """The process group of a running program; can be sent to another process, which may end it as well.

    Attributes:
        pid: Number of the group and of its first process.
        start: When that process started, in ticks since boot; None if it had ended before anybody looked.
        directory: Value of DIRECTORY in its environment.
        grace_s: Seconds between SIGTERM and SIGKILL.
    """

    pid: int
    start: int | None
    directory: str
    grace_s: float

    @property
    def is_empty(self) -> bool:
        """Whether no process of the group is left; a zombie does not count."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        # The number may have been given to another process since, which is only possible once the group is empty.
        now = start_ticks(self.pid)
        return (now is not None and now != self.start) or not _has_members(self.pid)

    def end(self) -> None:
        """Send SIGTERM, wait for the grace time, then kill what is left, also what has left the group."""
        try:
            if not self.is_empty:
                self._signal(signal.SIGTERM)
                self._wait(self.grace_s)
        finally:  # an interrupt cuts the grace time short
            self.kill()

    def kill(self) -> None:
        """Kill what is left of the program at once."""
        if not self.is_empty:
            self._signal(signal.SIGKILL)
            self._wait(_PATIENCE_S)
        end_marked(self.directory)

    def end_rest(self) -> None:
        """End what a program that has ended by itself has left in its group; returns at once if that is nothing."""
        if not self.is_empty:
            self.end()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _wait(self, patience_s: float) -> None:
        until = time.monotonic() + patience_s
        while not self.is_empty and time.monotonic() < until:
            time.sleep(_POLL_S)


def end_marked(directory: str) -> None:
    """Kill each process that has this directory in its environment as DIRECTORY, but for the calling one.

    It looks until twice in a row nothing is found: a process has no environment while it turns into another program
    (execve), nor from when it gives back its memory until it closes its files and is over.
    """
    until, killed, empty_looks = time.monotonic() + _PATIENCE_S, set[int](), 0
    while True:
        marked = _marked(f"{DIRECTORY}={directory}".encode())
        for pid in marked:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed.update(marked)
        empty_looks = 0 if marked or any(start_ticks(pid) is not None for pid in killed) else empty_looks + 1
        if empty_looks == _EMPTY_LOOKS or time.monotonic() > until:
            return
        time.sleep(_POLL_S)


def _marked(variable: bytes) -> list[int]:
    """Return the processes that have a variable in their environment."""
    pids = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        # Over meanwhile, or another user's. That of a zombie is empty.
        with contextlib.suppress(OSError):
            if variable in environment.read_bytes().split(b"\0"):
                pids.append(int(environment.parent.name))
    return [pid for pid in pids if pid != os.getpid()]


def _has_members(group: int) -> bool:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = path.read_text(encoding="utf-8", errors="replace")
            # proc(5): behind the name in parentheses come state, parent and process group.
            if int(text.rpartition(")")[2].split()[2]) == group and not entry_of(text).is_over:
                return True
    return False
