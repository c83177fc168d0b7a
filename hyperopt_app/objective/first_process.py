# SPDX-License-Identifier: MIT
"""Refuse calls on a trial from processes that its objective has forked or spawned.

A trial belongs to the process in which its objective was called; any of its threads may act for it. Processes that it
forks or spawns have copies of our objects and of our call stack, so they could report for the trial or read a reply
meant for another process. Each of their calls is refused, and where they return into our code they exit.
"""

import contextlib
import functools
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from hyperopt_app.errors import DescendantError

__all__ = [
    "TRIAL_PID",
    "Absent",
    "FirstProcess",
    "ending_forks",
    "join_as_rank",
    "let_join",
    "marked",
    "refuse_descendants",
]

_log = logging.getLogger(__name__)

# In the environment of all that an objective starts: the first process's id.
TRIAL_PID = "HYPEROPT_TRIAL_PID"


# Joins this process to a trial as one of its ranks, and returns the link.
_join: Callable[[], Any] | None = None


def let_join(join: Callable[[], Any]) -> None:
    """Set what joins this process to a trial; it returns None for a process that is not a rank."""
    global _join  # noqa: PLW0603 - of this process, and of those that it forks
    _join = join


def join_as_rank() -> Any:
    """Join this process to a trial as one of its ranks; return the link, None if it does not belong to a trial."""
    return None if _join is None else _join()


class FirstProcess:
    """The process that may act for a trial.

    Attributes:
        pid: The process that has it; by default the one that makes this object.
    """

    def __init__(self, pid: int | None = None) -> None:
        self.pid = os.getpid() if pid is None else pid

    @property
    def is_here(self) -> bool:
        """Whether this process is the one."""
        return os.getpid() == self.pid

    def check(self, call: str) -> None:
        """Raise an error unless this is the first process.

        Args:
            call: What it is about to do, as a user would write it.

        Raises:
            DescendantError: This is a process that the first one has forked or spawned.
        """
        if not self.is_here:
            raise DescendantError(_refusal(call, str(self.pid)))


class Absent:
    """Replacement for Optuna's trial in a trial that was pickled to another process: only the facts.

    Args:
        first: Who has the right to speak.
        facts: What can be read, by name.
    """

    def __init__(self, first: FirstProcess, **facts: Any) -> None:
        self.first = first
        vars(self).update(facts)

    def __getattr__(self, name: str) -> Any:
        """Refuse access to attributes that were not sent."""
        if name.startswith("_"):
            raise AttributeError(name)
        raise DescendantError(_refusal(f"trial.{name}", str(self.first.pid)))


@contextlib.contextmanager
def marked() -> Iterator[None]:
    """Mark processes started in the body as descendants of this process's trial."""
    before = os.environ.get(TRIAL_PID)
    os.environ[TRIAL_PID] = str(os.getpid())
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(TRIAL_PID, None)
        else:
            os.environ[TRIAL_PID] = before


def refuse_descendants(call: str) -> None:
    """In a process without a trial, refuse a call if a trial's objective has spawned the process.

    A separate program that an objective has started may well train alone; a warning, once, says that it does.

    Args:
        call: What it is about to do, as a user would write it.

    Raises:
        DescendantError: `multiprocessing`, or what builds on it, has started this process for the objective.
    """
    first = os.environ.get(TRIAL_PID)
    if first is None or first == str(os.getpid()):
        return
    import multiprocessing

    if multiprocessing.parent_process() is not None:
        raise DescendantError(_refusal(call, first))
    _log_once(first)


@functools.cache
def _log_once(first: str) -> None:
    _log.warning(
        "this program was started by the objective of a trial and is not part of it: report() and checkpointed() do "
        "nothing here; let the objective's own process (%s) call them",
        first,
    )


def _refusal(call: str, first: str) -> str:
    return (
        f"{call}: called in process {os.getpid()}, which the objective of a trial has started; only the process in "
        f"which the objective itself was called ({first}) may speak for the trial, so hand it what you have (by a "
        "queue, a pipe or as the result of a pool) and call this there"
    )


@contextlib.contextmanager
def ending_forks() -> Iterator[None]:
    """Run user code; a process forked in it that returns here, in whichever way, exits at once.

    Its copy of what this process does next (callbacks, logs, files, the study) must not run.
    """
    _flush_before_forks()
    pid = os.getpid()
    try:
        yield
    except BaseException as error:
        if os.getpid() != pid:
            _end(error)
        raise
    if os.getpid() != pid:
        _end(None)


def _end(error: BaseException | None) -> NoReturn:
    """Exit this process as Python would, without the exit handlers registered by the first process."""
    code = 0
    try:
        if isinstance(error, SystemExit):
            code = _code_of(error)
        elif error is not None:
            code = 1
            traceback.print_exception(error)
    finally:
        with contextlib.suppress(BaseException):
            _flush()
        os._exit(code)


def _code_of(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1


@functools.cache
def _flush_before_forks() -> None:
    """Flush the buffers, which a forked process would copy and write a second time when it ends."""
    os.register_at_fork(before=_flush)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # No stream, a closed one, or one that this very thread is writing to.
        with contextlib.suppress(AttributeError, OSError, ValueError, RuntimeError):
            stream.flush()
