# SPDX-License-Identifier: MIT
"""Start the trials' processes from a server that forks them, and notice when that server dies.

The server is a process like any other: the kernel, an administrator or a scheduler may kill it at any moment. Then a
new one starts, and the trial whose process the old one had forked is not to blame. Runs in a worker.
"""

import contextlib
import logging
import multiprocessing
import multiprocessing.forkserver as server
import os
import signal
import time
from collections.abc import Callable
from multiprocessing import popen_forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any

from hyperopt_app.processes.entries import process_entry, start_ticks
from hyperopt_app.processes.family import stopped_at

__all__ = ["FIRST", "SERVER_DIED", "TrialProcess", "end_orphan", "end_stopped_server", "started"]

_log = logging.getLogger(__name__)

# What a server imports in any case: without it, it would find only what is installed.
FIRST = "hyperopt_app.processes.handed_path"
# The exit code of a process whose server has died; no process can end with it itself.
SERVER_DIED = 256

# Seconds before each try to start a process. A server that is being killed looks alive for a moment, and refuses.
_PAUSES_S = (0.0, 0.05, 0.2, 0.5, 1.0)
_POLL_S = 0.02


class _Popen(popen_forkserver.Popen):
    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """As the base's, which takes the death of the server for the exit code 255 of the process."""
        if self.returncode is None:
            if not wait([self.sentinel], 0 if flag == os.WNOHANG else None):
                return None
            try:
                self.returncode = server.read_signed(self.sentinel)
            except (OSError, EOFError):
                self.returncode = SERVER_DIED
        return self.returncode


class TrialProcess(ForkServerProcess):
    """A process that the server forks; its `exitcode` is `SERVER_DIED` if the server has died before it."""

    @staticmethod
    def _Popen(process_obj: Any) -> _Popen:  # noqa: N802 - multiprocessing's name
        return _Popen(process_obj)


def started(
    target: Callable[..., object], argument: Any, guard: Callable[[], contextlib.AbstractContextManager[Any]]
) -> tuple[TrialProcess, Connection]:
    """Start a process with one end of a pipe and an argument; the process, and the other end of the pipe.

    The process must not begin before it hears from the pipe: of a server that dies in between, an earlier try may have
    left one that nobody knows.

    Args:
        target: What it runs.
        argument: Its second argument.
        guard: Makes the context in which a process and a server start.

    Raises:
        OSError, EOFError: No server could be started, or none lived long enough.
    """
    for pause_s in _PAUSES_S[:-1]:
        time.sleep(pause_s)
        with contextlib.suppress(OSError, EOFError):
            return _start(target, argument, guard)
        if _ended_by_itself():
            # A module that cannot be imported ends it. Then each trial imports what it needs itself.
            _log.warning("the server of the trials' processes has ended; a new one starts without imports")
            server.set_forkserver_preload([FIRST])
        else:
            _log.warning("the server of the trials' processes was killed; a new one starts")
    time.sleep(_PAUSES_S[-1])
    return _start(target, argument, guard)


def _start(
    target: Callable[..., object], argument: Any, guard: Callable[[], contextlib.AbstractContextManager[Any]]
) -> tuple[TrialProcess, Connection]:
    ours, theirs = multiprocessing.get_context("forkserver").Pipe()
    end_stopped_server()
    with theirs:
        process = TrialProcess(target=target, args=(theirs, argument))
        try:
            with guard():
                process.start()
        except BaseException:
            ours.close()
            raise
    return process, ours


def end_stopped_server() -> None:
    """Kill the server if it is stopped (SIGSTOP): it forks nothing, tells of no end, and would be waited for."""
    pid = server._forkserver._forkserver_pid  # type: ignore[attr-defined]  # noqa: SLF001 - nobody else knows
    start = None if pid is None else start_ticks(pid)
    if start is not None and stopped_at(pid, start) is not None:
        _log.warning("the server of the trials' processes is stopped; it is killed")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _ended_by_itself() -> bool:
    """Whether the server has ended with an exit code; it is asked without being reaped, which multiprocessing does."""
    pid = server._forkserver._forkserver_pid  # type: ignore[attr-defined]  # noqa: SLF001 - nobody else knows
    for _ in range(25):
        try:
            status = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except (OSError, TypeError):
            return False
        if status is not None:
            return status.si_code == os.CLD_EXITED
        time.sleep(_POLL_S)
    return False


def end_orphan(pid: int, patience_s: float) -> None:
    """Kill a process whose server has died, so that nobody reaps it for us, and wait until it runs nothing any more."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + patience_s
    while (entry := process_entry(pid)) is not None and not entry.is_over and time.monotonic() < until:
        time.sleep(_POLL_S)
