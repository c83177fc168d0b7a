# SPDX-License-Identifier: MIT
"""The table of schedulers whose jobs can be workers. A new scheduler is a file with a class like `Pbs` and a row here.

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
from hyperopt_app.schedulers.slurm import Slurm

__all__ = [
    "SCHEDULERS",
    "AsksForJobs",
    "Queue",
    "Scheduler",
    "job_of",
    "judge_of_claims",
    "place_of",
    "scheduler_of_payload",
    "values_of",
]

# Runs a command, in a folder if one is given, and returns what it has written.
Run = Callable[..., str]


class AsksForJobs(Protocol):
    """Asks a scheduler how jobs stand, seldom and for all of them at once."""

    def jobs(self, jobs: Sequence[str]) -> list[JobState] | None:
        """How these jobs stand, an array task by task; None if the scheduler cannot say now."""

    def ends(self, jobs: Sequence[str]) -> dict[str, tuple[str, int | None]] | None:
        """How these ended, and the number of the user who has cancelled them; None if nobody can say."""


class Queue(AsksForJobs, Protocol):
    """Asks a scheduler also which jobs live, and about workers that are silent."""

    def alive(self, jobs: Sequence[str]) -> set[str] | None:
        """Which of these jobs still wait or run; None if the scheduler cannot say now."""

    def verdict(self, claim: Mapping[str, Any]) -> Verdict:
        """Whether the run in which a claim was made has ended; UNKNOWN if the scheduler cannot tell."""


class Scheduler(Protocol):
    """How workers become jobs of a scheduler, how it is asked about them, and how a job goes back into its queue.

    Attributes:
        name: In claims, in the jobs that a study remembers, and of the folder `workers/NAME`.
        title: As its users spell it.
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
    title: str
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
        """The place of a process in a job of this scheduler; None if it does not end with such a job."""

    def job_of(self, environment: Mapping[str, str]) -> str:
        """The job of a process as the scheduler would be asked to put it back; empty outside of one."""

    def queue(self) -> Queue:
        """What asks the scheduler."""

    def faults(self, settings: Mapping[str, Any]) -> list[str]:
        """What in the launcher's fields cannot be passed to the scheduler; pure."""

    def sharing(self, settings: Mapping[str, Any]) -> Sharing:
        """The slots of a job."""

    def limit_s(self, settings: Mapping[str, Any]) -> float:
        """The time limit of a job, seconds; 0 for none."""

    def logs(self, settings: Mapping[str, Any]) -> Path:
        """The folder of the workers' output."""

    def largest_batch(self) -> int:
        """How many jobs one submission may make, as the site says."""

    def batch(self, settings: Mapping[str, Any], payload: Path, first: int, jobs: int) -> Batch:
        """So many jobs of a launch, from the one with the number `first`; nothing is written or asked yet.

        Raises:
            ConfigError: A value cannot be passed to the scheduler.
        """

    def obstacle(self, environment: Mapping[str, str], run: Run, *, by_limit: bool) -> str:
        """Why a job whose workers have ended early must not go back into the queue; empty if it may.

        Args:
            environment: That of the job.
            run: Asks the scheduler.
            by_limit: Whether they ended because of their time limit, as far as the workers know.
        """

    def put_back(self, environment: Mapping[str, str], run: Run) -> str:
        """Put a job back into the queue; the number of its successor, empty if it keeps its own."""


_ROWS: tuple[Scheduler, ...] = (Slurm(), Pbs(), Lsf())
SCHEDULERS: dict[str, Scheduler] = {row.name: row for row in _ROWS}


def place_of(environment: Mapping[str, str], host: str = "") -> Place:
    """The place of a process, by its environment; empty if it does not end with a scheduler's job. Pure.

    Args:
        environment: That of the process.
        host: Its host name, for schedulers that do not tell the node.
    """
    places = (row.place(environment, host) for row in SCHEDULERS.values())
    return next((place for place in places if place is not None), Place())


def job_of(environment: Mapping[str, str]) -> str:
    """The job of a process: as its script says, else as its scheduler does; empty outside of one. Pure."""
    jobs = (row.job_of(environment) for row in SCHEDULERS.values())
    return environment.get("HYPEROPT_JOB") or next(filter(None, jobs), "")


def values_of(environment: Mapping[str, str], names: Callable[[Variables], Sequence[str]]) -> Iterator[str]:
    """The values of a sort of variable, of all schedulers; pure.

    Args:
        environment: That of the process.
        names: Which sort.
    """
    return (environment[name] for row in SCHEDULERS.values() for name in names(row.variables) if name in environment)


def scheduler_of_payload(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Scheduler:
    """The scheduler that runs a job, by what its payload says."""
    # Payloads of earlier releases name none; of these, only the scripts of PBS say where they lie.
    earlier = "pbs" if "HYPEROPT_SCRIPT" in environment else "slurm"
    return SCHEDULERS[str(settings.get("scheduler") or earlier)]


class _Judge:
    """Says of a claim whether the job in which it was made has ended, by the scheduler that the claim names."""

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
    """Who says of a claim whether the job in which it was made has ended."""
    return _Judge()
