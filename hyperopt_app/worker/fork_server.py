# SPDX-License-Identifier: MIT
"""Start the trials' processes from a server that forks them, and notice when that server dies.

The server is a process like any other: the kernel, an administrator or a scheduler may kill it at any moment. Then a
new one starts, and the trial whose process the old one had forked is not to blame. Runs in a worker.

Importing torch takes seconds, on a cluster's filesystem many. So the server imports what the worker has imported and
what the app names. What the first trial has imported besides is added for the later ones, but only of packages that are
known to stand being forked: others start threads, MPI or a device while they are imported.
"""

import contextlib
import logging
import multiprocessing
import multiprocessing.forkserver as server
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing import popen_forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any

from hyperopt_app.processes.entries import process_entry, start_ticks
from hyperopt_app.processes.family import stopped_at

__all__ = [
    "FIRST",
    "SERVER_DIED",
    "Imports",
    "TrialProcess",
    "end_orphan",
    "end_server",
    "end_stopped_server",
    "preload_names",
    "started",
]

_log = logging.getLogger(__name__)

# What a server imports in any case: without it, it would find only what is installed.
FIRST = "hyperopt_app.processes.handed_path"
# The exit code of a process whose server has died; no process can end with it itself.
SERVER_DIED = 256

# Seconds before each try to start a process. A server that is being killed looks alive for a moment, and refuses.
_PAUSES_S = (0.0, 0.05, 0.2, 0.5, 1.0)
_POLL_S = 0.02
# Bytes of names for the server's command line, of which Linux takes 128 kB.
_LONGEST_PRELOAD = 60_000
# What a package imports when it is first used, which would be in every trial anew: torch's first optimizer takes one to
# two seconds for it.
_ON_FIRST_USE = {"torch": "torch._dynamo"}
# Packages that only define things while they are imported. Not TensorFlow and JAX, whose threads a fork loses.
_FORKABLE = {
    *("einops", "h5py", "lightning", "lightning_fabric", "netCDF4", "numpy", "pandas", "pytorch_lightning"),
    *("pytorch_optimizer", "scipy", "skimage", "sklearn", "timm", "torch", "torchmetrics", "torchvision", "xarray"),
}


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


def end_server() -> None:
    """End the server, so that the next process is forked from a new one; not while a trial runs."""
    end_stopped_server()
    server._forkserver._stop()  # type: ignore[attr-defined]  # noqa: SLF001 - the standard library's tests do so too


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


def preload_names(modules: Sequence[str], most: int = _LONGEST_PRELOAD) -> list[str]:
    """Which of these modules the server imports: packages before their parts, as many as a command line holds; pure.

    Args:
        modules: Names of modules.
        most: Bytes that they may have together.
    """
    late = [_ON_FIRST_USE[name] for name in modules if name in _ON_FIRST_USE]
    wanted = [
        name
        for name in dict.fromkeys([*modules, *late])
        if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith(("__", "tests"))
    ]
    kept, size = [], 0
    for name in sorted(wanted, key=lambda name: (name.count("."), name)):
        size += len(name) + 4
        if size > most:
            break
        kept.append(name)
    return kept


class Imports:
    """What a trial's process imports, from the making of this object on."""

    def __init__(self) -> None:
        self._before = set(sys.modules)
        self._environment = _read_at_import()

    def forkable(self) -> list[str]:
        """Return what the server may import for later trials, in the order of the imports.

        Packages that can be forked, and their parts; parts of parts come with them, or are imported quickly. Nothing if
        the trial has set a variable that they read while they are imported: the server has another value.
        """
        if _read_at_import() != self._environment:
            return []
        new = [name for name in sys.modules if name not in self._before and name.count(".") <= 1]
        return [name for name in new if name.partition(".")[0] in _FORKABLE]


def _read_at_import() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")}
