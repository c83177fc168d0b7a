# SPDX-License-Identifier: MIT
"""Config schema of the sweeper."""

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from omegaconf import MISSING

__all__ = ["AsyncOptunaConf", "BudgetConf", "RepeatsConf", "SweeperClass"]

_OURS = "hydra_plugins.hyperopt_app.sweeper.AsyncOptunaSweeper"
_STOCK = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"

# The class behind `hydra/sweeper: async_optuna`, under two names. Most public sweeper files have the stock class in a
# `_target_` line. An Enum takes the name of an alias and holds its one member, so such a line means our class wherever
# it stands, and in the composition of each job too: nothing has to be rewritten, and nothing put back.
if TYPE_CHECKING:
    SweeperClass = str
else:
    SweeperClass = Enum("SweeperClass", {_OURS: _OURS, _STOCK: _OURS}, type=str, module=__name__)
_CLASS = SweeperClass(_OURS)


@dataclass
class BudgetConf:
    """Budgets beside `n_trials`: the first that is reached ends the study."""

    # Hours of GPUs, from the begins of the study's workers to their ends, over all its commands; null for no limit.
    gpu_hours: float | None = None

    # Hours in which at least one worker of the study was at work, over all its commands; null for no limit.
    hours: float | None = None

    # Full trainings: the sum over all trials of the share of the longest training that each has trained; null for no
    # limit. Nothing is counted before the first trial is complete.
    trainings: float | None = None


@dataclass
class RepeatsConf:
    """Several trainings of each configuration, with a seed each."""

    # Trainings of a configuration, from 2 to 100; 1 for none beside the first.
    n: int = 1

    # What makes one value of theirs: mean, median, worst, mean_plus_std, or {quantile: 0.9}.
    aggregate: Any = "mean"

    # End a configuration early that is hopeless beside the best one on the same seeds.
    race: bool = False


@dataclass
class AsyncOptunaConf:
    """`hydra/sweeper: async_optuna`; the fields of `hydra/sweeper: optuna` and our own."""

    _target_: SweeperClass = _CLASS

    # Hydra must not make what the sampler's and the pruner's nodes name: that is done once they have been checked.
    _recursive_: bool = False

    # The first lets the user's files add keys to the two groups after it; `config.store` says how.
    defaults: list[Any] = field(
        default_factory=lambda: ["opened/methods@_here_", {"sampler": "auto"}, {"pruner": "auto"}, {"logger": None}]
    )

    # How points are proposed, a config group.
    sampler: Any = MISSING

    # `minimize` or `maximize`, or a list of them, one for each objective.
    direction: Any = "minimize"

    # Where the study is kept: the URL of a database, or a file; null for a journal in the study's directory.
    storage: Any = None

    # The study's name; null for that of its directory.
    study_name: str | None = None

    # Trials of the whole study: its budget.
    n_trials: int = 20

    # Workers at a time.
    n_jobs: int = 2

    # The largest tolerated share of failed trials, in [0, 1]; judged from the n_jobs-th finished trial on. At the
    # stock sweeper's default of 0 one failed trial would end the study.
    max_failure_rate: float = 1.0

    # The search space: {dotted key: what it can be, as an override of a sweep}.
    # Empty and not null, since OmegaConf 2.3 cannot set a mapping over null on the command line.
    params: dict[str, str] | None = field(default_factory=dict)

    # The dotted path of a function that adds to the search space of each trial: it takes the config and the trial.
    custom_search_space: str | None = None

    # The rule that ends bad trials early, a config group.
    pruner: Any = MISSING

    # The optimised metric, or a list of them in the order of `direction`, looked up in the dictionary that the
    # objective returns; or a mapping of metrics to directions. Not needed for an objective that returns a bare number.
    metric: Any = None

    # Seconds after which no worker starts another trial; null for no limit.
    timeout: float | None = None

    # What a searched key is called in the study, where that is not the key itself: {dotted key: name}. Keys with one
    # name share one value.
    names: dict[str, str] = field(default_factory=dict)

    # Whether a new study holds the choices of its parameters as plain Optuna does ('10.0', None, a list) instead of as
    # override text ("'10.0'", 'null', '[a]'). A study that is there keeps its own form.
    plain_choices: bool = False

    # Warm-start points, tried first: a list of {dotted key: value}; keys that are left out are sampled.
    enqueue: list[Any] = field(default_factory=list)

    # Where you believe the best configuration to be: {dotted key: value}. It is tried first, and the sampler `curves`
    # searches near it until better points elsewhere speak against it.
    prior: Any = None

    # Let warm-start points name what only the objective suggests, and numbers out of range.
    enqueue_unchecked: bool = False

    # The objective suggests parameters by itself (`trial.suggest_float(...)`), so that `params` may be empty.
    objective_suggests: bool = False

    # Study seed; each trial derives its own. null draws one and keeps it in the study.
    seed: int | None = None

    # Failures in a row, of any kind, that stop the study; null for no limit. Null beside a max_failure_rate of 1 means
    # that nothing stops for failures, not even for three equal ones at the start.
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

    # As hydra-optuna-sweeper 1.1 and 1.0 had them; a note says what to write today.
    search_space: Any = None
    optuna_config: Any = None

    # Print the script that would be submitted and three sampled configurations, and start nothing.
    dry_run: bool = False

    # Budgets of time and of trainings, beside that of trials.
    budget: Any = field(default_factory=lambda: dict(vars(BudgetConf())))

    # Directories of earlier studies. Their best trials are tried first, and the sampler `curves` learns from all of
    # them as far as they rank this study's trials rightly.
    warm_start: Any = field(default_factory=list)

    # What is searched only where other searched keys have certain values: {condition: {dotted key: what it can be}},
    # with conditions such as `optimizer=sgd` or `optimizer=sgd,rmsprop`; `when` may stand in such a branch again.
    when: Any = None

    # What must hold of returned metrics and parameters: texts such as `latency_ms <= 100`. A trial that violates one is
    # never the best.
    constraints: Any = field(default_factory=list)

    # Makes one value of the metrics of a mapping: their sum, each times its weight, 1 where none is given.
    weights: Any = None

    # The loggers, a config group: {name: its fields}, see `config.loggers`. The null for none stands in `config.store`,
    # since a value here would replace the group's.
    logger: Any = MISSING

    # The metrics of a mapping by their importance: the first is optimised, and of the trials that are nearly the best
    # in it the best is chosen by the next.
    order: Any = field(default_factory=list)

    # How far from the best still counts as nearly the best: {metric of `order`: in its units}, 0 where none is given.
    tolerance: Any = None

    # Trainings of a configuration with several seeds, whose values make one: those fields, or `n` alone.
    repeats: Any = field(default_factory=lambda: dict(vars(RepeatsConf())))
