# SPDX-License-Identifier: MIT
"""Asks PBS, seldom and for all jobs at once, which jobs still wait or run. In the driver."""

import getpass
import logging
import subprocess
import time
from collections.abc import Callable, Sequence

from hyperopt_app.schedulers.roster import JobState

__all__ = ["PbsQueue", "live_numbers", "states_in"]

_log = logging.getLogger(__name__)

_INTERVAL_S = 5.0
_TIMEOUT_S = 30.0
# Of PBS Pro's and Torque's states those of a job that has ended.
_ENDED = {"C", "F", "X"}
# Held, queued, moved, on its way, waiting for its time.
_WAITING = {"H": "held", "Q": "queued", "M": "moved", "T": "in transit", "W": "waits for its time"}

Run = Callable[[Sequence[str]], str]


def live_numbers(answer: str) -> set[str]:
    """The numbers of the jobs in the answer of `qstat -u USER` that have not ended; pure."""
    return {number for number, state in states_in(answer).items() if state not in _ENDED}


def states_in(answer: str) -> dict[str, str]:
    """The states of the jobs in the answer of `qstat -u USER`, by their numbers; pure.

    A line of a job is: id, user, queue, name, session, nodes, tasks, memory, time, state, elapsed time. PBS cuts the
    server off a long id, so the number alone counts.
    """
    lines = [line.split() for line in answer.splitlines()]
    jobs = [words for words in lines if len(words) > 2 and words[0][0].isdigit() and len(words[-2]) == 1]
    return {_number(words[0]): words[-2].upper() for words in jobs}


class PbsQueue:
    """Asks `qstat` about all jobs of this user, at most every 5 seconds.

    Args:
        run: Runs a command and returns what it has written; may raise OSError and subprocess.SubprocessError.
        clock: Monotonic seconds.
    """

    def __init__(self, run: Run | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run or _run
        self._clock = clock
        self._due_at = float("-inf")
        self._states: dict[str, str] | None = None
        self._asked_for: set[str] = set()

    def alive(self, jobs: Sequence[str]) -> set[str] | None:
        """Which of these jobs still wait or run; None if PBS cannot say now.

        Args:
            jobs: As `qsub` has told them.
        """
        found = self.jobs(jobs)
        return None if found is None else {one.job for one in found if one.phase != "ended"}

    def jobs(self, jobs: Sequence[str]) -> list[JobState] | None:
        """How those of these jobs stand that PBS still knows; None if it cannot say now.

        Args:
            jobs: As `qsub` has told them.
        """
        # A job that was not asked for before may be younger than the last answer.
        if self._clock() >= self._due_at or not self._asked_for.issuperset(jobs):
            self._refresh()
            self._asked_for |= set(jobs)
        if self._states is None:
            return None
        return [_job_state(job, state) for job in jobs if (state := self._states.get(_number(job))) is not None]

    def ends(self, jobs: Sequence[str]) -> None:
        """Nothing: PBS tells its users neither how a job ended for certain, nor who has deleted it."""

    def _refresh(self) -> None:
        self._due_at = self._clock() + _INTERVAL_S
        try:
            self._states = states_in(self._run(["qstat", "-u", getpass.getuser()]))
        except (OSError, subprocess.SubprocessError) as error:
            level = logging.WARNING if self._states is not None else logging.DEBUG
            _log.log(level, "qstat failed (%s); which jobs run is not known until it works again", error)
            self._states = None


def _job_state(job: str, state: str) -> JobState:
    if state in _ENDED:
        return JobState(job, "ended")
    return JobState(job, "waits", reason=_WAITING[state]) if state in _WAITING else JobState(job, "runs")


def _number(job: str) -> str:
    """`12` of `12.server` and `12[].server`."""
    return job.partition(".")[0].partition("[")[0]


def _run(words: Sequence[str]) -> str:
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
    )
    return done.stdout
