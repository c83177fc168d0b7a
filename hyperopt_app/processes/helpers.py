# SPDX-License-Identifier: MIT
"""Keep a scheduler's signals from the helpers of a trial, such as data loaders: only their own parent may end them."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading

__all__ = ["calm_forked_processes", "obey_the_parent_alone"]


def obey_the_parent_alone() -> None:
    """Leave the signals that reach every process of a job to the worker; SIGTERM counts if the parent sends it.

    As `multiprocessing` does to end a process. For the main thread of a process that was forked or spawned.
    """
    with contextlib.suppress(ValueError):  # forked from a thread
        signal.set_wakeup_fd(-1)  # what strikes it does not strike the trial
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_await_the_parent, name="end signal", daemon=True).start()


def calm_forked_processes() -> None:
    """Have all that this process forks from now on (a data loader, say) leave a job's signals to the worker too."""
    os.register_at_fork(after_in_child=_calm_a_grandchild)


def _calm_a_grandchild() -> None:
    # Popen(preexec_fn=...): the program that comes next would inherit the blocked signal.
    if sys._getframe(1).f_globals.get("__name__") == "subprocess":  # noqa: SLF001 - the one way to ask who forks
        return
    obey_the_parent_alone()


def _await_the_parent() -> None:
    parent = os.getppid()
    while True:
        sender = signal.sigwaitinfo({signal.SIGTERM}).si_pid
        # What a server has forked (`forkserver`) belongs to the process that asked for it.
        owner = multiprocessing.parent_process()
        if sender in {parent, owner.pid if owner else None}:
            os._exit(128 + signal.SIGTERM)
