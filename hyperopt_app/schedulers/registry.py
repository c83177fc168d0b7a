# SPDX-License-Identifier: MIT
"""The schedulers that are known, by name: who is asked about jobs, by which program."""

from collections.abc import Callable

from hyperopt_app.schedulers.pbs import PbsQueue
from hyperopt_app.schedulers.slurm import SlurmQueue

__all__ = ["PROGRAMS", "QUEUES", "judge_of_claims"]

QUEUES: dict[str, Callable[[], SlurmQueue | PbsQueue]] = {"slurm": SlurmQueue, "pbs": PbsQueue}
PROGRAMS = {"slurm": "squeue", "pbs": "qstat"}


def judge_of_claims() -> SlurmQueue:
    """Who says of a claim whether the job in which it was made has ended: Slurm, since PBS tells of live jobs only."""
    return SlurmQueue()
