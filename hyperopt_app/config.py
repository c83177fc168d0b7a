# SPDX-License-Identifier: MIT
"""The schemas of our sweeper, its samplers and pruners, and our launchers, registered with Hydra by one loop.

Hydra imports this at the start of every Hydra program on the machine: no Optuna, no torch, no submitit here.
"""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra_plugins.hydra_optuna_sweeper.config import OptunaSweeperConf, TPESamplerConfig
from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf
from omegaconf import MISSING

__all__ = [
    "AsyncOptunaConf",
    "ClusterWorkersConf",
    "LocalWorkersConf",
    "PbsWorkersConf",
    "SlurmWorkersConf",
    "WorkersConf",
    "register",
]


@dataclass
class AsyncTPESamplerConf(TPESamplerConfig):
    """TPE with Optuna 5's own defaults, which suit workers that sample beside running trials.

    The stock group `tpe` switches both off: its batches never sample beside a running trial.
    """

    # Model all parameters together; null lets Optuna choose (on, with one objective).
    multivariate: bool | None = None  # type: ignore[assignment]
    # Keep away from what other workers are trying just now.
    constant_liar: bool = True


@dataclass
class BruteForceSamplerConf:
    """Every combination of steps and choices, once."""

    _target_: str = "optuna.samplers.BruteForceSampler"
    seed: int | None = None
    avoid_premature_stop: bool = False


@dataclass
class PartialFixedSamplerConf:
    """Some parameters held at given values, the others left to another sampler."""

    _target_: str = "optuna.samplers.PartialFixedSampler"
    # Parameter key to its value.
    fixed_params: dict[str, Any] = MISSING
    # The sampler of the others, a `_target_` node.
    base_sampler: Any = field(default_factory=lambda: {"_target_": "optuna.samplers.TPESampler"})


@dataclass
class NopPrunerConf:
    """Prune nothing."""

    _target_: str = "optuna.pruners.NopPruner"


@dataclass
class MedianPrunerConf:
    """Prune what is worse than the median of earlier trials at the same step."""

    _target_: str = "optuna.pruners.MedianPruner"
    # Trials that finish before anything is pruned.
    n_startup_trials: int = 5
    # Steps of each trial that are never pruned.
    n_warmup_steps: int = 0
    # Steps between two checks.
    interval_steps: int = 1
    # Reports at a step that must exist before it is judged.
    n_min_trials: int = 1


@dataclass
class PercentilePrunerConf(MedianPrunerConf):
    """Keep the best `percentile` percent at each step."""

    _target_: str = "optuna.pruners.PercentilePruner"
    # In [0, 100]; 25 keeps the best quarter.
    percentile: float = 25.0


@dataclass
class SuccessiveHalvingPrunerConf:
    """Asynchronous successive halving; do not pair it with TPE (docs/design.md says why)."""

    _target_: str = "optuna.pruners.SuccessiveHalvingPruner"
    # Steps before the first rung, or `auto`.
    min_resource: Any = "auto"
    reduction_factor: int = 4
    min_early_stopping_rate: int = 0
    bootstrap_count: int = 0


@dataclass
class HyperbandPrunerConf:
    """Several brackets of successive halving; do not pair it with TPE (docs/design.md says why)."""

    _target_: str = "optuna.pruners.HyperbandPruner"
    min_resource: int = 1
    # The last step of a full trial, or `auto`.
    max_resource: Any = "auto"
    reduction_factor: int = 3
    bootstrap_count: int = 0


@dataclass
class ThresholdPrunerConf:
    """Prune what leaves a band of values."""

    _target_: str = "optuna.pruners.ThresholdPruner"
    lower: float | None = None
    upper: float | None = None
    n_warmup_steps: int = 0
    interval_steps: int = 1


@dataclass
class PatientPrunerConf:
    """Prune what has not improved for `patience` steps and what the wrapped pruner would prune then."""

    _target_: str = "optuna.pruners.PatientPruner"
    # A pruner's `_target_` node, or null for patience alone.
    wrapped_pruner: Any = None
    patience: int = 3
    min_delta: float = 0.0


@dataclass
class WilcoxonPrunerConf:
    """Prune by a paired test over the problem instances (the steps) of the best trial."""

    _target_: str = "optuna.pruners.WilcoxonPruner"
    p_threshold: float = 0.1
    n_startup_steps: int = 2


@dataclass
class AsyncOptunaConf(OptunaSweeperConf):
    """`hydra/sweeper: async_optuna`; everything of `hydra/sweeper: optuna`, and the fields below."""

    _target_: str = "hydra_plugins.hyperopt_app.sweeper.AsyncOptunaSweeper"
    defaults: list[Any] = field(default_factory=lambda: [{"sampler": "async_tpe"}, {"pruner": "nop"}])

    # The rule that ends bad trials early, a config group.
    pruner: Any = MISSING

    # The optimised metric, or a list of them in the order of `direction`, looked up in the dictionary that the
    # objective returns. Not needed for an objective that returns a bare number.
    metric: Any = None

    # Seconds after which no worker starts another trial; null for no limit.
    timeout: float | None = None

    # What a searched key is called in the study, where that is not the key itself: {dotted key: name}. Keys with one
    # name share one value.
    names: dict[str, str] = field(default_factory=dict)

    # Warm-start points, tried first: a list of {dotted key: value}; keys that are left out are sampled.
    enqueue: list[Any] = field(default_factory=list)

    # Let warm-start points name what only the objective suggests, and numbers out of range.
    enqueue_unchecked: bool = False

    # Study seed; each trial derives its own. null draws one and keeps it in the study.
    seed: int | None = None

    # The largest tolerated share of failed trials, in [0, 1]; judged from the n_jobs-th finished trial on. At the
    # stock sweeper's default of 0 one failed trial would end the study.
    max_failure_rate: float = 1.0

    # Failures in a row, of any kind, that stop the study; null for no limit.
    max_consecutive_failures: int | None = 10

    # Go on with a study whose ranges, searched keys or fixed values differ from the stored ones. Other directions,
    # and other choices of a categorical parameter, are refused all the same.
    accept_changes: bool = False

    # Seconds without a sign of life after which a worker on another machine counts as dead.
    lease_s: float = 120.0

    # Seconds that a trial may take in one worker before it fails as `timeout`; null for no limit. It wants
    # isolation=process.
    trial_timeout: float | None = None

    # What the driver shows: auto, table, lines or none.
    progress: str = "auto"

    # Print the script that would be submitted and three sampled configurations, and start nothing.
    dry_run: bool = False


@dataclass
class WorkersConf:
    """What our launchers have in common: how a worker treats its trials."""

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

    # Workers that share one of these GPUs.
    workers_per_gpu: int = 1


@dataclass
class ClusterWorkersConf(WorkersConf):
    """What the launchers of a cluster's scheduler have in common."""

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
class SlurmWorkersConf(ClusterWorkersConf, SlurmQueueConf):
    """`hydra/launcher: slurm_workers`; everything of `submitit_slurm`, and the fields above."""

    _target_: str = "hydra_plugins.hyperopt_app.launchers.SlurmWorkersLauncher"

    # Where the scripts and the output of the jobs go.
    submitit_folder: str = "${hydra.sweep.dir}/workers/slurm"

    # Output and errors belong together.
    stderr_to_stdout: bool = True


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
class ByHandConf(WorkersConf):
    """`hydra/launcher: by_hand`; prints the command that starts a worker, for a scheduler that we do not know."""

    _target_: str = "hydra_plugins.hyperopt_app.launchers.ByHandLauncher"

    # It starts nothing, so it always comes back at once.
    detach: bool = True

    # Workers that share a GPU of those that a started process sees; and GPUs that each worker sees.
    workers_per_gpu: int = 1
    gpus_per_trial: int = 1


_NODES: tuple[tuple[str, str, Any], ...] = (
    ("hydra/sweeper", "async_optuna", AsyncOptunaConf),
    ("hydra/sweeper/sampler", "async_tpe", AsyncTPESamplerConf),
    ("hydra/sweeper/sampler", "brute_force", BruteForceSamplerConf),
    ("hydra/sweeper/sampler", "partial_fixed", PartialFixedSamplerConf),
    ("hydra/sweeper/pruner", "nop", NopPrunerConf),
    ("hydra/sweeper/pruner", "median", MedianPrunerConf),
    ("hydra/sweeper/pruner", "percentile", PercentilePrunerConf),
    ("hydra/sweeper/pruner", "successive_halving", SuccessiveHalvingPrunerConf),
    ("hydra/sweeper/pruner", "hyperband", HyperbandPrunerConf),
    ("hydra/sweeper/pruner", "threshold", ThresholdPrunerConf),
    ("hydra/sweeper/pruner", "patient", PatientPrunerConf),
    ("hydra/sweeper/pruner", "wilcoxon", WilcoxonPrunerConf),
    ("hydra/launcher", "local_workers", LocalWorkersConf),
    ("hydra/launcher", "slurm_workers", SlurmWorkersConf),
    ("hydra/launcher", "pbs_workers", PbsWorkersConf),
    ("hydra/launcher", "by_hand", ByHandConf),
)


def register() -> None:
    """Put every schema into Hydra's config store; called by the plugin modules when Hydra discovers them."""
    for group, name, node in _NODES:
        # A worker gets the driver's store before it discovers plugins itself, so a node may be there already.
        ConfigStore.instance().store(group=group, name=name, node=node, provider="hyperopt_app", replace=True)
