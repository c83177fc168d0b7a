# SPDX-License-Identifier: MIT
"""Config schemas of the launchers."""

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "SCHEMAS",
    "ByHandConf",
    "ClusterWorkersConf",
    "LocalWorkersConf",
    "LsfWorkersConf",
    "PbsWorkersConf",
    "SlurmWorkersConf",
    "WorkersConf",
    "schema_of",
    "target_of",
]


@dataclass
class WorkersConf:
    """Fields that all launchers share: how a worker treats its trials."""

    # No field holds a node that Hydra is to make.
    _recursive_: bool = False

    # process: each trial runs in a fresh process of its worker, which nothing in it can harm. none: in the worker.
    isolation: str = "process"

    # Seconds that an objective which calls `checkpointed()` has to reach its next checkpoint when the worker must end.
    grace_s: float = 10.0


@dataclass
class LocalWorkersConf(WorkersConf):
    """`hydra/launcher: local_workers`; worker processes side by side on this machine."""

    _target_: str = "hydra_plugins.hyperopt_app.launchers.LocalWorkersLauncher"

    # Processes at a time; null for all jobs at once, or as many as the GPUs below have room for.
    max_parallel: int | None = None

    # CUDA devices to spread the workers over, e.g. [0,1]; null leaves CUDA_VISIBLE_DEVICES as it is.
    gpus: list[int] | None = None

    # Workers that share one of these GPUs; and GPUs that each worker, and so each trial, sees.
    workers_per_gpu: int = 1
    gpus_per_trial: int = 1


@dataclass
class ClusterWorkersConf(WorkersConf):
    """Fields that the launchers of all schedulers share."""

    # Submit, say how to look and how to stop, and end; the same command attaches again.
    detach: bool = False

    # Workers that share a GPU; and GPUs that each worker, and so each trial, sees.
    workers_per_gpu: int = 1
    gpus_per_trial: int = 1

    # How often a job that ends before the budget (a time limit, preemption) goes back into the queue; 0 for never.
    max_resubmissions: int = 10

    # Signals that ask a worker to end, beside Ctrl-C.
    signals: list[str] = field(default_factory=lambda: ["SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2"])

    # A command (a list of words) that each worker runs before its first trial; if it fails or takes over 60 seconds,
    # the node is reported and not used again for this study. null checks GPUs with nvidia-smi and torch, if any.
    node_check: list[str] | None = None


@dataclass
class SlurmJobConf:
    """Resources and options of a Slurm job: every field of the newest `submitit_slurm`, in its order."""

    # Where the scripts and the output of the jobs go.
    submitit_folder: str = "${hydra.sweep.dir}/workers/slurm"

    # Of each job: its time limit in minutes, and CPU cores and GPUs for each task and node, memory in GB.
    timeout_min: int = 60
    cpus_per_task: int | None = None
    gpus_per_node: int | None = None
    tasks_per_node: int | None = 1
    mem_gb: int | None = None
    nodes: int = 1
    name: str = "${hydra.job.name}"

    # Output and errors belong together.
    stderr_to_stdout: bool = True

    _target_: str = "hydra_plugins.hyperopt_app.launchers.SlurmWorkersLauncher"

    # Options of sbatch with these names.
    partition: str | None = None
    qos: str | None = None
    comment: str | None = None
    constraint: str | None = None
    exclude: str | None = None
    gres: str | None = None
    cpus_per_gpu: int | None = None
    gpus_per_task: int | None = None
    mem_per_gpu: str | None = None
    mem_per_cpu: str | None = None
    account: str | None = None

    # Seconds before the time limit at which Slurm asks the workers to end.
    signal_delay_s: int = 120

    # Submitit's own requeueing after a time limit, which workers do not need.
    max_num_timeout: int = 0

    # The Python that runs workers; null for the one of this command.
    python: str | None = None

    # Options of sbatch that have no field here, e.g. {"mail-user": "me@example.org", "mail-type": "END"}.
    additional_parameters: dict[str, Any] = field(default_factory=dict)

    # Jobs of the array that run at a time.
    array_parallelism: int = 256

    # Shell lines that run before the workers: modules, conda.
    setup: list[str] | None = None

    # Options of srun, and whether workers are started by it.
    srun_args: list[str] | None = None
    use_srun: bool = True


@dataclass
class SlurmWorkersConf(ClusterWorkersConf, SlurmJobConf):
    """`hydra/launcher: slurm_workers`; the fields of `submitit_slurm` and those of our launchers."""

    # Nodes of each trial, and its ranks (processes) on each of them. With more than one rank a job is one worker.
    nodes_per_trial: int = 1
    ranks_per_node: int = 1


@dataclass
class PbsWorkersConf(ClusterWorkersConf):
    """`hydra/launcher: pbs_workers`; PBS Pro, OpenPBS or Torque."""

    _target_: str = "hydra_plugins.hyperopt_app.launchers.PbsWorkersLauncher"

    # Of each job: name, queue, and to whom it is charged (`-A` and `-P`).
    name: str = "${hydra.job.name}"
    queue: str | None = None
    account: str | None = None
    project: str | None = None

    # What each job gets on its one node: CPU cores, GPUs, and memory as PBS writes it, e.g. 32gb.
    ncpus: int = 1
    ngpus: int = 0
    mem: str | None = None

    # In the place of these three: the value of `-l select=`, e.g. "1:ncpus=8:ngpus=1:gpu_type=a100", or for Torque
    # that of `-l nodes=`, e.g. "1:ppn=8:gpus=1".
    select: str | None = None
    nodes: str | None = None

    # The time limit of each job: HH:MM:SS, or seconds.
    walltime: Any = "01:00:00"

    # Further directives, each as in a script after `#PBS`, e.g. "-l place=excl".
    directives: list[str] = field(default_factory=list)

    # Shell lines that run before the workers: modules, conda.
    setup: list[str] | None = None

    # The Python that runs workers; null for the one of this command.
    python: str | None = None

    # Where the output of the jobs goes.
    folder: str = "${hydra.sweep.dir}/workers/pbs"


@dataclass
class LsfWorkersConf(ClusterWorkersConf):
    """`hydra/launcher: lsf_workers`; IBM Spectrum LSF 10.1."""

    _target_: str = "hydra_plugins.hyperopt_app.launchers.LsfWorkersLauncher"

    # Of each job: name, queue, and project (`-P`).
    name: str = "${hydra.job.name}"
    queue: str | None = None
    project: str | None = None

    # What each job gets on its one host: slots, GPUs, and memory with its unit, e.g. 32GB.
    ncpus: int = 1
    ngpus: int = 0
    mem: str | None = None

    # In the place of ngpus: the value of `-gpu`, e.g. "num=2:gmodel=TeslaV100_SXM2_32GB".
    gpu: str | None = None

    # The run limit of each job in minutes.
    timeout_min: int = 60

    # Further directives, each as in a script after `#BSUB`, e.g. "-app dl".
    directives: list[str] = field(default_factory=list)

    # Shell lines that run before the workers: modules, conda.
    setup: list[str] | None = None

    # The Python that runs workers; null for the one of this command.
    python: str | None = None

    # Where the output of the jobs goes.
    folder: str = "${hydra.sweep.dir}/workers/lsf"


@dataclass
class ByHandConf(WorkersConf):
    """`hydra/launcher: by_hand`; prints the command that starts a worker, for any other scheduler."""

    _target_: str = "hydra_plugins.hyperopt_app.launchers.ByHandLauncher"

    # It starts nothing, so it always comes back at once.
    detach: bool = True

    # Workers that share a GPU of those that a started process sees; and GPUs that each worker sees.
    workers_per_gpu: int = 1
    gpus_per_trial: int = 1


# Option of hydra/launcher -> its fields. Of a scheduler NAME the launcher is NAME_workers, with a ClusterWorkersConf.
SCHEMAS: dict[str, type[WorkersConf]] = {
    "local_workers": LocalWorkersConf,
    "slurm_workers": SlurmWorkersConf,
    "pbs_workers": PbsWorkersConf,
    "lsf_workers": LsfWorkersConf,
    "by_hand": ByHandConf,
}


def schema_of(target: str) -> type[WorkersConf] | None:
    """Return the schema of the launcher with this class; None if it is not ours."""
    return next((schema for schema in SCHEMAS.values() if target_of(schema) == target), None)


def target_of(schema: type[WorkersConf]) -> str:
    """Return the class of the launcher that has this schema, as `_target_` names it."""
    return str(schema.__dataclass_fields__["_target_"].default)
