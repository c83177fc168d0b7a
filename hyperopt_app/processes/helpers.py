# SPDX-License-Identifier: MIT
"""Keep a scheduler's signals from the helpers of a trial, such as data loaders: only their own parent may end them."""

import contextlib
import os
import signal
import threading

__all__ = ["obey_the_parent_alone"]


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


def _await_the_parent() -> None:
    parent = os.getppid()
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(128 + signal.SIGTERM)
