# SPDX-License-Identifier: MIT
"""Divide the GPUs of a job among its workers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hyperopt_app.errors import ConfigError

__all__ = [
    "GPUS_PER_TRIAL",
    "NODES_PER_TRIAL",
    "RANKS_PER_NODE",
    "WORKERS_HERE",
    "WORKERS_PER_GPU",
    "Sharing",
    "gpus_in",
    "own_gpus",
    "slots_of_task",
    "visible_gpus",
]

# The environment variable that says how many workers share the GPUs that a worker sees; unset for one.
WORKERS_PER_GPU = "HYPEROPT_WORKERS_PER_GPU"
# How many GPUs each of its trials has, and how many workers share the CPUs that it sees; unset for one.
GPUS_PER_TRIAL = "HYPEROPT_GPUS_PER_TRIAL"
WORKERS_HERE = "HYPEROPT_WORKERS_HERE"
# Nodes of each trial, and ranks on each of them, where the launcher starts the ranks; unset for one.
NODES_PER_TRIAL = "HYPEROPT_NODES_PER_TRIAL"
RANKS_PER_NODE = "HYPEROPT_RANKS_PER_NODE"


@dataclass(frozen=True)
class Sharing:
    """How a job's GPUs are divided, according to the launcher's config.

    Attributes:
        nodes: Nodes of a job.
        tasks_per_node: Processes that the scheduler starts on each node.
        gpus_per_node: GPUs that the tasks of a node see together; 0 if they see none, or each its own.
        gpus_per_task: GPUs that the scheduler binds to each task; 0 if it binds none.
        workers_per_gpu: Workers that share a GPU, or a task without GPUs.
        gpus_per_trial: GPUs that each worker sees.
        nodes_per_trial: Nodes over which the ranks of a trial are spread; one worker has them all.
        ranks_per_node: Ranks of a trial that the launcher starts on each node.
    """

    nodes: int = 1
    tasks_per_node: int = 1
    gpus_per_node: int = 0
    gpus_per_task: int = 0
    workers_per_gpu: int = 1
    gpus_per_trial: int = 1
    nodes_per_trial: int = 1
    ranks_per_node: int = 1

    @property
    def starts_ranks(self) -> bool:
        """Whether the launcher starts the ranks of a trial; each job is one worker then."""
        return self.nodes_per_trial * self.ranks_per_node > 1

    def workers_per_job(self) -> int:
        """Return how many workers a job runs.

        Raises:
            ConfigError: The numbers do not fit together.
        """
        faults = [
            f"hydra.launcher.{name}: {value} is not allowed; set a whole number above 0"
            for name, value in (("workers_per_gpu", self.workers_per_gpu), ("gpus_per_trial", self.gpus_per_trial))
            if value < 1
        ]
        if not faults and self.workers_per_gpu > 1 and self.gpus_per_trial > 1:
            faults.append("hydra.launcher.workers_per_gpu: a trial on several GPUs cannot share them; set it to 1")
        gpus = self.gpus_per_task or self.gpus_per_node // max(1, self.tasks_per_node)
        seen = self.gpus_per_task or self.gpus_per_node
        if not faults and self.gpus_per_trial > 1 and gpus < self.gpus_per_trial:
            faults.append(
                f"hydra.launcher.gpus_per_trial: {self.gpus_per_trial} GPUs are wanted for each trial and a task has "
                f"{gpus}; ask for more with gpus_per_node, or set tasks_per_node to fewer"
            )
        if faults:
            raise ConfigError(faults)
        if self.starts_ranks:
            return 1
        if not seen:
            return self.nodes * self.tasks_per_node * self.workers_per_gpu
        per_task = max(1, gpus * self.workers_per_gpu // self.gpus_per_trial)
        return self.nodes * self.tasks_per_node * per_task


def gpus_in(gres: str | None) -> int:
    """Return how many GPUs a value of `--gres` requests: `gpu`, `gpu:2`, `gpu:v100:2`, among others."""
    total = 0
    for part in (gres or "").split(","):
        name, *rest = part.strip().split(":")
        if name.lower() != "gpu":
            continue
        count = re.match(r"\d+", rest[-1]) if rest else None
        total += int(count[0]) if count else 1
    return total


def visible_gpus(environment: Mapping[str, str]) -> list[str]:
    """Return the GPUs that this process may use, by number or UUID; empty if there are none."""
    text = environment.get("CUDA_VISIBLE_DEVICES", "")
    return [word.strip() for word in text.split(",") if word.strip() and word.strip() not in {"-1", "NoDevFiles"}]


def own_gpus(environment: Mapping[str, str]) -> float:
    """Return how many GPUs this worker has to itself: a fraction if several workers share them, 0 without any.

    With trials over several nodes, those of the other nodes are as many as here.
    """
    sharing, nodes = (max(1, _number_of(environment.get(name, ""))) for name in (WORKERS_PER_GPU, NODES_PER_TRIAL))
    return len(visible_gpus(environment)) * nodes / sharing


def _number_of(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def slots_of_task(visible: Sequence[str], sharing: Sharing, local_task: int) -> list[tuple[str, ...]]:
    """Return the GPUs of each worker that a task runs; workers without GPUs if the task sees none.

    Args:
        visible: What the task sees.
        sharing: See there.
        local_task: The task's number on its node, from 0; the tasks of a node share what they see, unless the
            scheduler has bound GPUs to tasks.
    """
    own = list(visible)
    if sharing.starts_ranks:
        return [tuple(own)]
    if not sharing.gpus_per_task and sharing.tasks_per_node > 1:
        share = len(own) // sharing.tasks_per_node
        first = local_task * share
        # With more tasks than GPUs the tasks take turns.
        own = own[first : first + share] if share or not own else [own[local_task % len(own)]]
    if not own:
        # GPUs that were asked for and are not there: one worker finds out what that means.
        asked = sharing.gpus_per_task or sharing.gpus_per_node
        return [()] * (1 if asked else sharing.workers_per_gpu)
    size = sharing.gpus_per_trial
    groups = [tuple(own[first : first + size]) for first in range(0, len(own) - size + 1, size)] or [tuple(own)]
    # Spread before doubling up, as local_workers does.
    return [group for _ in range(sharing.workers_per_gpu) for group in groups]
