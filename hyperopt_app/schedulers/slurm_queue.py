# SPDX-License-Identifier: MIT
"""Ask Slurm which jobs and runs are alive, seldom and for all jobs at once. Runs in the driver and in workers."""

import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from hyperopt_app.schedulers.place import UNKNOWN, Place, Verdict, is_number
from hyperopt_app.schedulers.roster import JobState
from hyperopt_app.schedulers.slurm_output import (
    ENDS_OPTIONS,
    HISTORY_OPTIONS,
    QUEUE_OPTIONS,
    Key,
    Queue,
    QueueRow,
    by_key,
    job_states,
    judge,
    key_of,
    live_jobs,
    parse_ends,
    parse_history,
    parse_rows,
)

__all__ = ["SlurmQueue"]

_log = logging.getLogger(__name__)

_INTERVAL_S = 10.0
_LONGEST_BACK_OFF_S = 160.0
_TIMEOUT_S = 10.0
_ACCOUNTING_OFF = "accounting storage is disabled"

Run = Callable[[Sequence[str]], str]
Read = TypeVar("Read")


class SlurmQueue:
    """Asks Slurm seldom about all jobs of this user at once. Safe to use from any thread.

    squeue is asked at most every 10 seconds, and sacct at most once beside it; after a failure the pause grows up to
    160 seconds, and there is one warning. Without squeue on the PATH nothing is known and nothing is said.

    Args:
        run: Runs a command, at most for 10 seconds, and returns what it has written; may raise OSError and
            subprocess.SubprocessError.
        clock: Monotonic seconds.
    """

    def __init__(self, run: Run | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        run = run or _run
        self._squeue = _Program("squeue", "the leases alone tell which workers are dead", run, clock, _INTERVAL_S)
        # It is asked only right after squeue, so that squeue's pause is its pause.
        self._sacct = _Program("sacct", "jobs that squeue has forgotten are judged by their leases", run, clock, 0.0)
        self._lock = threading.Lock()
        self._queue: Queue | None = None
        self._rows: list[QueueRow] = []
        self._history: dict[Key, Sequence[str]] = {}
        self._gone: dict[Place, Verdict] = {}
        self._open: set[Place] = set()
        self._jobs: set[str] = set()
        self._jobs_at_answer: set[str] = set()

    def verdict(self, claim: Mapping[str, Any]) -> Verdict:
        """Return what Slurm says of the run in which the claim was made."""
        place = Place.of_claim(claim)
        return self.ask([place])[place]

    def ask(self, places: Sequence[Place]) -> dict[Place, Verdict]:
        """Return what Slurm says of these places; UNKNOWN where it cannot tell now."""
        with self._lock:
            unsettled = {place for place in places if place.scheduler == "slurm" and place not in self._gone}
            # Between two questions to Slurm those that ask one by one are gathered for the next.
            self._open |= unsettled
            if unsettled:
                self._refresh()
            return {place: self._judged(place) for place in places}

    def alive(self, jobs: Sequence[str]) -> set[str] | None:
        """Return which of these jobs of this cluster still wait or run; None if Slurm cannot say now.

        Args:
            jobs: As `sbatch` has printed them: an array by its one number.
        """
        with self._lock:
            return live_jobs(jobs, self._queue or {}) if self._knows(jobs) else None

    def jobs(self, jobs: Sequence[str]) -> list[JobState] | None:
        """Return the states of these jobs, of an array task by task; None if Slurm cannot say now.

        Args:
            jobs: As for `alive`.
        """
        with self._lock:
            return job_states(jobs, self._rows) if self._knows(jobs) else None

    def ends(self, jobs: Sequence[str]) -> dict[str, tuple[str, int | None]] | None:
        """Return how these jobs ended and which user cancelled them, from accounting; None without accounting.

        It learns of an end a second later or two, and of jobs that never waited for long not at all.

        Args:
            jobs: Each by its number, tasks of an array as `7_3`.
        """
        with self._lock:
            numbers = {job.partition("_")[0] for job in jobs}
            if self._sacct.is_absent or not numbers:
                return None
            return self._sacct.ask([*ENDS_OPTIONS, f"--jobs={','.join(sorted(numbers))}"], parse_ends)

    def _knows(self, jobs: Sequence[str]) -> bool:
        self._jobs.update(jobs)
        self._refresh()
        # A job that is asked for since the last answer may be younger than that.
        return self._queue is not None and self._jobs_at_answer.issuperset(jobs)

    def _judged(self, place: Place) -> Verdict:
        if place in self._gone:
            return self._gone[place]
        verdict = UNKNOWN if self._queue is None else judge(place, self._queue, self._history)
        if verdict.is_gone:
            self._gone[place] = verdict
        return verdict

    def _refresh(self) -> None:
        if not self._squeue.is_due():
            return
        self._jobs_at_answer = set(self._jobs)
        rows = self._squeue.ask([f"--user={os.geteuid()}", *QUEUE_OPTIONS], parse_rows)
        self._queue, self._rows = None if rows is None else by_key(rows), rows or []
        if self._queue is not None:
            self._ask_for_forgotten(self._queue)

    def _ask_for_forgotten(self, queue: Queue) -> None:
        # By the array's number too: its other tasks will be asked for next.
        forgotten = {number for place in self._open if key_of(place) not in queue for number in _numbers(place)}
        if forgotten and not self._sacct.is_due():
            return
        self._open.clear()
        if forgotten:
            options = [*HISTORY_OPTIONS, f"--jobs={','.join(sorted(forgotten))}"]
            self._history.update(self._sacct.ask(options, parse_history) or {})


def _numbers(place: Place) -> set[str]:
    return {number for number in (place.raw_job, place.job.partition("_")[0]) if is_number(number)}


class _Program:
    """One of Slurm's programs: when it may be asked again, and what has been logged about it."""

    def __init__(self, name: str, meanwhile: str, run: Run, clock: Callable[[], float], interval_s: float) -> None:
        self._name = name
        self._meanwhile = meanwhile
        self._run = run
        self._clock = clock
        self._interval_s = interval_s
        self._due_at = float("-inf")
        self._failures = 0

    def is_due(self) -> bool:
        return self._clock() >= self._due_at

    @property
    def is_absent(self) -> bool:
        """Whether the program is missing or has no data."""
        return self._due_at == float("inf")

    def ask(self, options: Sequence[str], read: Callable[[str], Read]) -> Read | None:
        """Return the program's parsed output; None if it failed."""
        try:
            answer = read(self._run([self._name, *options]))
        except FileNotFoundError:
            self._due_at = float("inf")
            return None
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._note_failure(error)
            return None
        if self._failures:
            _log.info("%s works again", self._name)
        self._failures = 0
        self._due_at = self._clock() + self._interval_s
        return answer

    def _note_failure(self, error: Exception) -> None:
        lines = _error_lines(error)
        if any(_ACCOUNTING_OFF in line for line in lines):
            _log.debug("%s is not asked: %s", self._name, _ACCOUNTING_OFF)
            self._due_at = float("inf")
            return
        level = logging.DEBUG if self._failures else logging.WARNING
        _log.log(level, "%s failed (%s); until it works again, %s", self._name, lines[0], self._meanwhile)
        self._due_at = self._clock() + min(_LONGEST_BACK_OFF_S, _INTERVAL_S * 2**self._failures)
        self._failures += 1


def _error_lines(error: Exception) -> list[str]:
    if isinstance(error, subprocess.TimeoutExpired):
        return [f"no answer within {error.timeout:g} s"]
    if isinstance(error, subprocess.CalledProcessError):
        lines = [line.strip() for line in f"{error.stderr or ''}\n{error.stdout or ''}".splitlines()]
        return [*filter(None, lines), f"exit status {error.returncode}"]
    return [str(error)]


def _run(words: Sequence[str]) -> str:
    # A user's filters and formats for squeue and sacct would change the answer. SLURM_CLUSTERS stays: sbatch heeds it.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SACCT_", "SQUEUE_"))}
    environment |= {"LC_ALL": "C", "SLURM_TIME_FORMAT": "%s"}
    options: dict[str, Any] = {"env": environment, "stdin": subprocess.DEVNULL, "timeout": _TIMEOUT_S}
    done = subprocess.run(words, **options, capture_output=True, text=True, errors="replace", check=True)
    return str(done.stdout)
