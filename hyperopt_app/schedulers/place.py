# SPDX-License-Identifier: MIT
"""Where a worker runs in a scheduler, and what the scheduler says of that run; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["RUNNING", "UNKNOWN", "Place", "Verdict", "is_number", "place_of"]


@dataclass(frozen=True)
class Place:
    """Where a worker runs in a scheduler; all empty outside of one. Claims hold it as a plain mapping.

    Attributes:
        scheduler: `slurm`, `pbs` or empty.
        cluster: Slurm's name of the cluster.
        job: As users see it: `7`, or `7_0` for a task of an array.
        raw_job: The job's own number; for PBS the same as `job`.
        restart: How often the job had been put back into the queue before this run.
        node: The name of the node.
        task: The number of the task in its step; empty if there is none.
        tasks: How many tasks the step has; of the others too when Slurm ends the job for one of them.
    """

    scheduler: str = ""
    cluster: str = ""
    job: str = ""
    raw_job: str = ""
    restart: int = 0
    node: str = ""
    task: str = ""
    tasks: int = 1

    @classmethod
    def of_claim(cls, claim: Mapping[str, Any]) -> "Place":
        """The place that a claim names; of an older claim, which names none, an empty one."""
        stored = claim.get("place")
        if not isinstance(stored, Mapping):
            return cls()
        known = {one.name: stored[one.name] for one in fields(cls) if type(stored.get(one.name)) is type(one.default)}
        return cls(**known)


def place_of(environment: Mapping[str, str], host: str = "") -> Place:
    """The place of a process, by its environment; empty if it does not end with a scheduler's job. Pure.

    Args:
        environment: That of the process.
        host: Its host name, for schedulers that do not tell the node.
    """
    # A shell of salloc on a login node has the job's number too, but it does not end with the job.
    if environment.get("SLURM_JOB_ID") and environment.get("SLURMD_NODENAME"):
        return _slurm_place(environment)
    if job := environment.get("PBS_JOBID"):
        return Place("pbs", job=job, raw_job=job, node=host.partition(".")[0])
    return Place()


def _slurm_place(environment: Mapping[str, str]) -> Place:
    raw_job = environment["SLURM_JOB_ID"]
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    restart, tasks = environment.get("SLURM_RESTART_COUNT", ""), environment.get("SLURM_STEP_NUM_TASKS", "")
    return Place(
        scheduler="slurm",
        cluster=environment.get("SLURM_CLUSTER_NAME", ""),
        job=f"{array}_{task}" if array and task else raw_job,
        raw_job=raw_job,
        restart=int(restart) if is_number(restart) else 0,
        node=environment["SLURMD_NODENAME"],
        task=environment.get("SLURM_PROCID", ""),
        tasks=int(tasks) if is_number(tasks) else 1,
    )


@dataclass(frozen=True)
class Verdict:
    """What the scheduler says of the run in which a claim was made.

    Attributes:
        runs: True: it runs. False: it has ended, and its processes with it. None: the scheduler cannot tell.
        state: The scheduler's word, such as `NODE_FAIL`; `REQUEUED` if all that is known is that a later run began.
    """

    runs: bool | None = None
    state: str = ""

    @property
    def is_gone(self) -> bool:
        """Whether the run has ended for certain."""
        return self.runs is False


RUNNING = Verdict(True, "RUNNING")
UNKNOWN = Verdict()


def is_number(text: str) -> bool:
    """Whether a text is a number without a sign, in ASCII."""
    return text.isascii() and text.isdigit()
