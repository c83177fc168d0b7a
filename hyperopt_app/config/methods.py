# SPDX-License-Identifier: MIT
"""Config schemas of the samplers and pruners.

Where hydra-optuna-sweeper is not installed, the entries of SAMPLERS_OF_STOCK replace its config groups, with the
fields of its newest release; a test compares the two. Where it is installed, its own groups are left unchanged.
"""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

__all__ = [
    "SAMPLERS_OF_STOCK",
    "AsyncTPESamplerConf",
    "AutoPrunerConf",
    "AutoSamplerConf",
    "BruteForceSamplerConf",
    "CmaEsSamplerConf",
    "CurvesSamplerConf",
    "ForecastPrunerConf",
    "GPSamplerConf",
    "GridSamplerConf",
    "HyperbandPrunerConf",
    "MOTPESamplerConf",
    "MedianPrunerConf",
    "NSGAIIISamplerConf",
    "NSGAIISamplerConf",
    "NopPrunerConf",
    "PartialFixedSamplerConf",
    "PatientPrunerConf",
    "PercentilePrunerConf",
    "PromotePrunerConf",
    "QMCSamplerConf",
    "RandomSamplerConf",
    "SuccessiveHalvingPrunerConf",
    "TPESamplerConf",
    "ThresholdPrunerConf",
    "WilcoxonPrunerConf",
]


@dataclass
class AutoSamplerConf:
    """A sampler that is chosen for the study; `sampling.automatic` says how."""

    seed: int | None = None


@dataclass
class AutoPrunerConf:
    """A pruner that is chosen for the study and its sampler; `sampling.automatic` says how."""


@dataclass
class AsyncTPESamplerConf:
    """TPE with Optuna 5's own defaults, which suit workers that sample beside running trials.

    The group `tpe` of hydra-optuna-sweeper switches both off: its batches never sample beside a running trial.
    """

    _target_: str = "optuna.samplers.TPESampler"

    seed: int | None = None
    consider_prior: bool | None = None
    prior_weight: float | None = None
    consider_magic_clip: bool | None = None
    consider_endpoints: bool | None = None
    n_startup_trials: int = 10
    n_ei_candidates: int = 24
    # Model all parameters together; null lets Optuna choose (on, with one objective).
    multivariate: bool | None = None
    group: bool = False
    warn_independent_sampling: bool | None = None
    # Keep away from what other workers are trying just now.
    constant_liar: bool = True
    constraints_func: Any = None


@dataclass
class CurvesSamplerConf:
    """A model of the value by parameters and step, which learns from every report; without reports, `async_tpe`."""

    _target_: str = "hyperopt_app.sampling.curves.sampler.CurvesSampler"

    seed: int | None = None
    # First trials that are evenly spread over the space.
    n_startup_trials: int = 8
    # Every so many-th trial is spread, so that no search is stuck: 2 for half of them, 0 for none.
    spread_every: int = 2
    # Points among which the best is chosen; more of them take longer.
    n_candidates: int = 300


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
class TPESamplerConf(AsyncTPESamplerConf):
    """TPE with the defaults of hydra-optuna-sweeper."""

    multivariate: bool | None = False
    constant_liar: bool = False


@dataclass
class RandomSamplerConf:
    """Independent random points."""

    _target_: str = "optuna.samplers.RandomSampler"
    seed: int | None = None


@dataclass
class GridSamplerConf:
    """Every point of a grid, once, in random order."""

    _target_: str = "optuna.samplers.GridSampler"
    # The grid is that of the search space.
    _partial_: bool = True
    seed: int | None = None


@dataclass
class CmaEsSamplerConf:
    """The evolution strategy CMA-ES; wants the package cmaes."""

    _target_: str = "optuna.samplers.CmaEsSampler"
    seed: int | None = None
    x0: dict[str, Any] | None = None
    sigma0: float | None = None
    n_startup_trials: int = 1
    independent_sampler: Any = None
    warn_independent_sampling: bool = True
    consider_pruned_trials: bool = False
    restart_strategy: Any = None
    popsize: int | None = None
    inc_popsize: int = -1
    use_separable_cma: bool = False
    with_margin: bool = False
    lr_adapt: bool = False
    source_trials: Any = None


@dataclass
class NSGAIISamplerConf:
    """A genetic algorithm for several objectives."""

    _target_: str = "optuna.samplers.NSGAIISampler"
    seed: int | None = None
    population_size: int = 50
    mutation_prob: float | None = None
    # Nodes with the `_target_` of a mutation or crossover of Optuna's; null for its default.
    mutation: Any = None
    crossover: Any = None
    crossover_prob: float = 0.9
    swapping_prob: float = 0.5
    constraints_func: Any = None


@dataclass
class NSGAIIISamplerConf(NSGAIISamplerConf):
    """A genetic algorithm for many objectives, spread by reference points."""

    _target_: str = "hyperopt_app.sampling.makers.nsgaiii"
    reference_points: list[list[float]] | None = None
    dividing_parameter: int = 3


@dataclass
class MOTPESamplerConf:
    """TPE for several objectives as Optuna 2 and 3 had it; says what to choose instead."""

    _target_: str = "hyperopt_app.sampling.makers.motpe"


@dataclass
class GPSamplerConf:
    """Bayesian optimisation with a Gaussian process; wants scipy and torch."""

    _target_: str = "optuna.samplers.GPSampler"
    seed: int | None = None
    independent_sampler: Any = None
    n_startup_trials: int = 10
    deterministic_objective: bool = False
    constraints_func: Any = None
    warn_independent_sampling: bool = True


@dataclass
class QMCSamplerConf:
    """A quasi-random sequence; wants scipy."""

    _target_: str = "optuna.samplers.QMCSampler"
    seed: int | None = None
    qmc_type: str = "sobol"
    scramble: bool = False
    independent_sampler: Any = None
    warn_asynchronous_seeding: bool = True
    warn_independent_sampling: bool = True


#: By the names of the groups.
SAMPLERS_OF_STOCK: dict[str, type] = {
    "tpe": TPESamplerConf,
    "random": RandomSamplerConf,
    "grid": GridSamplerConf,
    "cmaes": CmaEsSamplerConf,
    "nsgaii": NSGAIISamplerConf,
    "nsgaiii": NSGAIIISamplerConf,
    "motpe": MOTPESamplerConf,
    "gp": GPSamplerConf,
    "qmc": QMCSamplerConf,
}


@dataclass
class NopPrunerConf:
    """Prune nothing."""

    _target_: str = "optuna.pruners.NopPruner"


@dataclass
class ForecastPrunerConf:
    """End what is neither among the best so far nor expected to be the best in the end."""

    _target_: str = "hyperopt_app.sampling.curves.forecast.ForecastPruner"
    # One in so many trials is among the best; a trial is judged each time its length has grown by this factor.
    reduction_factor: int = 3
    # Standard deviations added to a trial's forecast before it is held against the best one; more ends fewer trials.
    caution: float = 1.0
    # The first judgement: 0 at the first report, 1 at a length of `reduction_factor` times the first report's.
    first_rung: int = 1


@dataclass
class PromotePrunerConf:
    """Let trials wait at checkpoints, and go on with the best of each rung; without checkpoints it is `forecast`."""

    _target_: str = "hyperopt_app.sampling.promotion.PromotePruner"
    # One in so many trials goes on from a rung; the length of training grows by it from rung to rung.
    reduction_factor: int = 3
    # The first rung: 0 at the first report, 1 at a length of `reduction_factor` times the first report's.
    first_rung: int = 1
    # Of `forecast`, where no trial has a checkpoint.
    caution: float = 1.0


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
    """Asynchronous successive halving; do not pair it with TPE (docs/decisions.md says why)."""

    _target_: str = "optuna.pruners.SuccessiveHalvingPruner"
    # Steps before the first rung, or `auto`.
    min_resource: Any = "auto"
    reduction_factor: int = 4
    min_early_stopping_rate: int = 0
    bootstrap_count: int = 0


@dataclass
class HyperbandPrunerConf:
    """Several brackets of successive halving; do not pair it with TPE (docs/decisions.md says why)."""

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
