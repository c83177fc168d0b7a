# SPDX-License-Identifier: MIT
"""Define the interface of a scheduler and list the supported ones. To add one, write a class like `Pbs` and a row here.

Its fields are a schema of `config.launchers`, under the name of its launcher. All other code asks these rows; no
other module names a scheduler or reads its environment variables.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from hyperopt_app.schedulers.gpu_slots import Sharing
from hyperopt_app.schedulers.lsf import Lsf
from hyperopt_app.schedulers.pbs import Pbs
from hyperopt_app.schedulers.place import UNKNOWN, Place, Variables, Verdict
from hyperopt_app.schedulers.roster import JobState
from hyperopt_app.schedulers.script import Batch
from hyperopt_app.schedulers.slurm import Slurm, words_on_each_node

__all__ = [
    "SCHEDULERS",
    "AsksForJobs",
    "Queue",
    "Scheduler",
    "disowning",
    "job_of",
    "judge_of_claims",
    "place_of",
    "scheduler_of_payload",
    "task_variables",
    "values_of",
    "words_on_each_node",
]

# Runs a command, in a folder if one is given, and returns what it has written.
Run = Callable[..., str]


class AsksForJobs(Protocol):
    """Asks a scheduler for the states of jobs, seldom and for all of them at once."""

    def jobs(self, jobs: Sequence[str]) -> list[JobState] | None:
        """Return the states of these jobs, of an array task by task; None if the scheduler cannot say now."""

    def ends(self, jobs: Sequence[str]) -> dict[str, tuple[str, int | None]] | None:
        """Return how these jobs ended and which user cancelled them; None if the scheduler cannot say."""


class Queue(AsksForJobs, Protocol):
    """Also asks a scheduler which jobs are alive, and about workers that are silent."""

    def alive(self, jobs: Sequence[str]) -> set[str] | None:
        """Return which of these jobs still wait or run; None if the scheduler cannot say now."""

    def verdict(self, claim: Mapping[str, Any]) -> Verdict:
        """Return whether the run in which a claim was made has ended; UNKNOWN if the scheduler cannot tell."""


class Scheduler(Protocol):
    """The interface of a scheduler: submit workers as jobs, ask about them, and put jobs back into the queue.

    Attributes:
        name: In claims, in the jobs that a study remembers, and of the folder `workers/NAME`.
        launcher: The option of hydra/launcher whose jobs are its jobs, `NAME_workers`.
        stock_launcher: What carries the jobs of another sweeper.
        submit_program: The command that takes a script.
        status_program: The command that says which jobs there are.
        cancel: The command that cancels jobs, without their numbers.
        variables: How its jobs know where they are.
        tells_ends: Whether it says how a job has ended. Else what a job leaves behind is read.
        keeps_number: Whether a job that goes back into the queue keeps its number.
        default_batch: How many jobs one submission may make if nobody is asked.
    """

    name: str
    launcher: str
    stock_launcher: str
    submit_program: str
    status_program: str
    cancel: tuple[str, ...]
    variables: Variables
    tells_ends: bool
    keeps_number: bool
    default_batch: int

    def place(self, environment: Mapping[str, str], host: str) -> Place | None:
        """Return the place of a process in a job of this scheduler; None if it is not part of one."""

    def job_of(self, environment: Mapping[str, str]) -> str:
        """Return the job of a process in the form in which it is put back; empty outside of one."""

    def queue(self) -> Queue:
        """Return the object that asks the scheduler."""

    def faults(self, settings: Mapping[str, Any]) -> list[str]:
        """Find values in the launcher's fields that the scheduler cannot accept."""

    def sharing(self, settings: Mapping[str, Any]) -> Sharing:
        """Return the slots of a job."""

    def limit_s(self, settings: Mapping[str, Any]) -> float:
        """Return the time limit of a job in seconds; 0 for none."""

    def with_limit(self, settings: Mapping[str, Any], limit_s: int) -> dict[str, Any]:
        """Return the launcher's fields with another time limit of each job, in seconds."""

    def logs(self, settings: Mapping[str, Any]) -> Path:
        """Return the folder of the workers' output."""

    def largest_batch(self) -> int:
        """Return the site's limit for jobs per submission."""

    def batch(self, settings: Mapping[str, Any], payload: Path, first: int, jobs: int) -> Batch:
        """Return the next jobs of a launch, from number `first` on; nothing is written or asked yet.

        Raises:
            ConfigError: A value cannot be passed to the scheduler.
        """

    def obstacle(self, environment: Mapping[str, str], run: Run, *, by_limit: bool) -> str:
        """Return why a job whose workers ended early must not go back into the queue; empty if it may.

        Args:
            environment: That of the job.
            run: Asks the scheduler.
            by_limit: Whether they ended because of their time limit, as far as the workers know.
        """

    def put_back(self, environment: Mapping[str, str], run: Run) -> str:
        """Put a job back into the queue; return its new number, empty if it keeps its own."""


_ROWS: tuple[Scheduler, ...] = (Slurm(), Pbs(), Lsf())
SCHEDULERS: dict[str, Scheduler] = {row.name: row for row in _ROWS}


def place_of(environment: Mapping[str, str], host: str = "") -> Place:
    """Return the place of a process from its environment; empty if it is not part of a scheduler's job.

    Args:
        environment: That of the process.
        host: Its host name, for schedulers that do not tell the node.
    """
    places = (row.place(environment, host) for row in SCHEDULERS.values())
    return next((place for place in places if place is not None), Place())


def job_of(environment: Mapping[str, str]) -> str:
    """Return the job of a process, from its script's or its scheduler's variables; empty outside of one."""
    jobs = (row.job_of(environment) for row in SCHEDULERS.values())
    return environment.get("HYPEROPT_JOB") or next(filter(None, jobs), "")


def task_variables() -> tuple[str, ...]:
    """Return the variables in which schedulers tell a task its number."""
    return tuple(name for row in SCHEDULERS.values() for name in row.variables.task)


def disowning(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what tells training frameworks that a job's tasks are not their ranks; empty outside of such a job."""
    rows = [row for row in SCHEDULERS.values() if any(name in environment for name in row.variables.tasks)]
    return dict(pair for row in rows for pair in row.variables.disowning)


def values_of(environment: Mapping[str, str], names: Callable[[Variables], Sequence[str]]) -> Iterator[str]:
    """Return the values of one kind of variable, of all schedulers.

    Args:
        environment: That of the process.
        names: Which sort.
    """
    return (environment[name] for row in SCHEDULERS.values() for name in names(row.variables) if name in environment)


def scheduler_of_payload(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Scheduler:
    """Return the scheduler that runs a job, from the path of its payload."""
    # Payloads of earlier releases name none; of these, only the scripts of PBS say where they lie.
    earlier = "pbs" if "HYPEROPT_SCRIPT" in environment else "slurm"
    return SCHEDULERS[str(settings.get("scheduler") or earlier)]


class _Judge:
    """Decides whether the job in which a claim was made has ended, by asking the claim's scheduler."""

    def __init__(self) -> None:
        self._queues: dict[str, Queue] = {}

    def verdict(self, claim: Mapping[str, Any]) -> Verdict:
        """What the scheduler says of the run in which the claim was made."""
        name = Place.of_claim(claim).scheduler
        if name not in SCHEDULERS:
            return UNKNOWN
        if name not in self._queues:
            self._queues[name] = SCHEDULERS[name].queue()
        return self._queues[name].verdict(claim)


def judge_of_claims() -> _Judge:
    """Return the object that decides whether the job of a claim has ended."""
    return _Judge()
