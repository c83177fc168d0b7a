# SPDX-License-Identifier: MIT
"""The schedulers that are known, by name: who is asked about jobs, by which program."""

from collections.abc import Callable

from hyperopt_app.schedulers.pbs import PbsQueue
from hyperopt_app.schedulers.slurm import SlurmQueue

__all__ = ["PROGRAMS", "QUEUES"]

QUEUES: dict[str, Callable[[], SlurmQueue | PbsQueue]] = {"slurm": SlurmQueue, "pbs": PbsQueue}
PROGRAMS = {"slurm": "squeue", "pbs": "qstat"}
