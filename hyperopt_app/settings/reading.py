# SPDX-License-Identifier: MIT
"""Read the settings of the sweeper and the launcher from the composed config."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hyperopt_app.config.command_line import hydra_words
from hyperopt_app.config.methods import AutoPrunerConf, AutoSamplerConf
from hyperopt_app.config.sweeper import AsyncOptunaConf
from hyperopt_app.launchers.registry import launcher_row
from hyperopt_app.settings.keys import sweeper_fields
from hyperopt_app.settings.objectives import OneNumber, objectives_of, sum_text
from hyperopt_app.settings.old_dialects import translated
from hyperopt_app.settings.shapes import shaped
from hyperopt_app.study.plan import SweepOptions, WorkerOptions
from hyperopt_app.study.records.forms import OrderRecord
from hyperopt_app.worker.interrupts import END_SIGNALS, signal_numbers

__all__ = ["Settings", "default_fields", "read_settings", "read_worker_options"]


@dataclass(frozen=True)
class Settings(SweepOptions):
    """The fields of `hydra.sweeper` as plain Python; `config.sweeper.AsyncOptunaConf` describes them."""

    sampler: Mapping[str, Any]
    pruner: Mapping[str, Any]
    directions: tuple[str, ...]
    metric_names: tuple[str, ...]
    study_name: str | None
    n_trials: int
    n_jobs: int
    max_failure_rate: float
    max_consecutive_failures: int | None
    params: Mapping[str, str]
    names: Mapping[str, str]
    plain_choices: bool
    timeout: float | None
    enqueue: Sequence[Mapping[str, Any]]
    prior: Mapping[str, Any]
    enqueue_unchecked: bool
    objective_suggests: bool
    seed: int | None
    accept_changes: bool
    lease_s: float
    progress: str
    dry_run: bool
    warm_start: Sequence[Any] = ()
    when: Mapping[str, Any] = field(default_factory=dict)
    constraints: Sequence[Any] = ()
    #: Of a weighted sum the factor of each metric, negative where it is maximised; else empty.
    terms: tuple[float, ...] = ()
    #: The metrics by which the best is chosen in turn, the optimised one first; else empty.
    in_turn: tuple[OrderRecord, ...] = ()
    #: What the names of an older hydra-optuna-sweeper gave, by the names of today.
    translated: Mapping[str, Any] = field(default_factory=dict)
    #: What cannot be read; such a field has its default here.
    reading_faults: Sequence[str] = ()
    #: Which of sampler and pruner the user has left to us; what was chosen, by its group's option; and why.
    automatic: frozenset[str] = frozenset()
    options: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""

    @property
    def objective_names(self) -> tuple[str, ...]:
        """Return the names of the study's values: the metrics', the first one's, or the text of their weighted sum."""
        if self.in_turn:
            return self.metric_names[:1]
        return (sum_text(self.metric_names, self.terms),) if self.terms else self.metric_names


def read_settings(config: DictConfig) -> Settings:
    """Read the sweeper's settings from the composed config; the schema guarantees that every key is there.

    Values that cannot be resolved were reported before, by `settings.keys.unreadable`.
    """
    node = OmegaConf.to_container(config.hydra.sweeper, resolve=True, enum_to_str=True)
    if not isinstance(node, dict):  # the schema makes it a mapping
        raise TypeError("hydra.sweeper is not a mapping")
    translation = translated(
        {str(key): value for key, value in node.items() if key not in ("_target_", "_recursive_")},
        default_fields(),
        _typed(config),
    )
    # Of a key that is not a field, `settings.keys` tells.
    known = sweeper_fields()
    data, shape_faults = shaped(
        {key: value for key, value in translation.fields.items() if key in known}, default_fields()
    )
    direction = data.pop("direction")
    is_directed = direction != default_fields()["direction"] or "direction" in {*_typed(config), *translation.changed}
    made_one = OneNumber(*(data.pop(name) for name in ("weights", "order", "tolerance")))
    objectives = objectives_of(data.pop("metric"), direction, made_one, is_directed=is_directed)
    return Settings(
        directions=objectives.directions,
        metric_names=objectives.metric_names,
        terms=objectives.terms,
        in_turn=objectives.in_turn,
        params=data.pop("params") or {},
        translated=translation.changed,
        reading_faults=[*translation.faults, *shape_faults, *objectives.faults],
        **data,
    )


def default_fields() -> dict[str, Any]:
    """Return the defaults of `hydra.sweeper` as plain data."""
    schema: Any = OmegaConf.to_container(OmegaConf.structured(AsyncOptunaConf), enum_to_str=True)
    sampler = OmegaConf.to_container(OmegaConf.structured(AutoSamplerConf))
    pruner = OmegaConf.to_container(OmegaConf.structured(AutoPrunerConf))
    return {**schema, "sampler": sampler, "pruner": pruner}


def _typed(config: DictConfig) -> list[str]:
    """Return the fields below `hydra.sweeper` that the command line sets, as dotted names."""
    words = [word.lstrip("+~").partition("=")[0].replace("/", ".") for word in hydra_words(config)]
    return [word.removeprefix("hydra.sweeper.") for word in words if word.startswith("hydra.sweeper.")]


def read_worker_options(config: DictConfig) -> WorkerOptions:
    """Read the fields of `hydra.launcher` that concern the worker; defaults for launchers of other packages."""
    node, row = config.hydra.launcher, launcher_row(config)
    default = WorkerOptions()
    # Other launchers have handlers of their own for USR1 and USR2.
    signals = node.get("signals") or (END_SIGNALS if row.isolates else default.signals)
    return WorkerOptions(
        isolation=str(node.get("isolation", default.isolation)),
        grace_s=float(node.get("grace_s", default.grace_s)),
        signals=tuple(signal.name for signal in signal_numbers(signals)),
        node_check=tuple(str(word) for word in node.get("node_check") or ()),
        lingers=row.lingers,
    )
