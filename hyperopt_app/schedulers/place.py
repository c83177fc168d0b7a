# SPDX-License-Identifier: MIT
"""Describe which job and run of a scheduler a worker belongs to, read from the environment or from stored text."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["RUNNING", "UNKNOWN", "Place", "Variables", "Verdict", "begin_of_job", "is_number"]

# Seconds since the epoch at which this run of the job began; the job's script sets it.
_BEGIN_VARIABLE = "HYPEROPT_BEGIN"


@dataclass(frozen=True)
class Place:
    """The job and run of a scheduler in which a worker runs; all empty outside of one.

    Attributes:
        scheduler: The scheduler's name, such as `slurm`; or empty.
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
        """Return the place in a claim; empty for claims of earlier releases, which contain none."""
        stored = claim.get("place")
        if not isinstance(stored, Mapping):
            return cls()
        known = {
            field.name: stored[field.name]
            for field in fields(cls)
            if type(stored.get(field.name)) is type(field.default)
        }
        return cls(**known)


@dataclass(frozen=True)
class Variables:
    """The environment variables in which a scheduler describes a job; a tuple is tried in its order.

    Attributes:
        array_index: Which job of an array this is.
        restart: How often the job had been put back into the queue before this run.
        tasks: How many tasks the job has.
        task: The number of the task in its job, from 0.
        local_task: The number of the task on its node, from 0.
        node: The number of the node among those of the step, from 0.
        end: When the job ends, seconds since the epoch.
        disowning: Names and values that tell training frameworks that the job's tasks, workers of ours, are not ranks.
    """

    array_index: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    local_task: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    disowning: tuple[tuple[str, str], ...] = ()


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
        """Whether the run has certainly ended."""
        return self.runs is False


RUNNING = Verdict(True, "RUNNING")
UNKNOWN = Verdict()


def begin_of_job(environment: Mapping[str, str]) -> float | None:
    """Return when this run of the job began, in seconds since the epoch; None if unknown."""
    text = environment.get(_BEGIN_VARIABLE, "").strip()
    return float(text) if is_number(text) else None


def is_number(text: str) -> bool:
    """Whether a text is a number without a sign, in ASCII."""
    return text.isascii() and text.isdigit()
