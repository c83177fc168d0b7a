# SPDX-License-Identifier: MIT
"""The schemas of the samplers and pruners that are ours to declare."""

from dataclasses import dataclass, field
from typing import Any

from hydra_plugins.hydra_optuna_sweeper.config import TPESamplerConfig
from omegaconf import MISSING

__all__ = [
    "AsyncTPESamplerConf",
    "BruteForceSamplerConf",
    "HyperbandPrunerConf",
    "MedianPrunerConf",
    "NopPrunerConf",
    "PartialFixedSamplerConf",
    "PatientPrunerConf",
    "PercentilePrunerConf",
    "SuccessiveHalvingPrunerConf",
    "ThresholdPrunerConf",
    "WilcoxonPrunerConf",
]


@dataclass
class AsyncTPESamplerConf(TPESamplerConfig):
    """TPE with Optuna 5's own defaults, which suit workers that sample beside running trials.

    The stock group `tpe` switches both off: its batches never sample beside a running trial. A class that is named over
    this group may have fields of the same names and other types, so no type is asked for here; it is by
    `sampling.fitting`, where Optuna's class is named. Being of upstream's type, the group can stand under its sweeper.
    """

    # Model all parameters together; null lets Optuna choose (on, with one objective).
    multivariate: Any = None
    # Keep away from what other workers are trying just now.
    constant_liar: Any = True

    seed: Any = None
    consider_prior: Any = None
    prior_weight: Any = None
    consider_magic_clip: Any = None
    consider_endpoints: Any = None
    n_startup_trials: Any = 10
    n_ei_candidates: Any = 24
    group: Any = False
    warn_independent_sampling: Any = None


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
