# SPDX-License-Identifier: MIT
"""What the driver hands to every worker: plain data, read once from the sweeper's settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hyperopt_app.budget import Limits
from hyperopt_app.interrupts import END_SIGNALS, signal_numbers
from hyperopt_app.space.space import Space

__all__ = ["Plan", "Settings", "WorkerOptions", "names_of", "read_settings", "read_worker_options"]


@dataclass(frozen=True)
class Settings:
    """The fields of `hydra.sweeper` as plain Python; what each means stands in `config.sweeper.AsyncOptunaConf`."""

    sampler: Mapping[str, Any]
    pruner: Mapping[str, Any]
    directions: tuple[str, ...]
    metric_names: tuple[str, ...]
    storage: str | None
    study_name: str | None
    n_trials: int
    n_jobs: int
    max_failure_rate: float
    max_consecutive_failures: int | None
    params: Mapping[str, str]
    names: Mapping[str, str]
    custom_search_space: str | None
    timeout: float | None
    enqueue: Sequence[Mapping[str, Any]]
    enqueue_unchecked: bool
    seed: int | None
    accept_changes: bool
    lease_s: float
    trial_timeout: float | None
    progress: str
    dry_run: bool


@dataclass(frozen=True)
class WorkerOptions:
    """How a worker treats its trials; what each means stands in `config.launchers.WorkersConf`.

    The defaults are those under launchers that are not ours.
    """

    isolation: str = "none"
    grace_s: float = 20.0
    signals: tuple[str, ...] = ("SIGINT", "SIGTERM")
    node_check: tuple[str, ...] = ()
    lingers: bool = False


@dataclass(frozen=True)
class Plan:
    """Everything that a worker needs beside the user's function and Hydra's context; it can be pickled.

    Attributes:
        storage: URL, or None for the journal in `study_dir`.
        study_name: The study's name in its storage.
        study_dir: Absolute directory of the study.
        n_trials: The budget.
        space: What is searched and fixed.
        metric_names: The optimised metrics.
        directions: How many values are optimised.
        seed: The study's seed.
        sampler: The sampler's config node.
        pruner: The pruner's config node.
        limits: What ends the study early.
        ended_before: Trials that had ended when the command was given.
        custom_search_space: Dotted path of a function that suggests further parameters.
        lease_s: Seconds of silence after which a worker elsewhere counts as dead.
        program: How the user started this program, e.g. `python -m hyperopt_app`.
        driver_pid: Process id of the driver.
        trial_timeout: Seconds that a trial may take in one worker; None for no limit.
        suggested_key: Where a training alone is given what the objective suggested by itself; None for nowhere.
        options: How a worker treats its trials.
    """

    storage: str | None
    study_name: str
    study_dir: Path
    n_trials: int
    space: Space
    metric_names: tuple[str, ...]
    directions: int
    seed: int
    sampler: Mapping[str, Any]
    pruner: Mapping[str, Any]
    limits: Limits
    ended_before: frozenset[int]
    custom_search_space: str | None
    lease_s: float
    program: str
    driver_pid: int
    trial_timeout: float | None = None
    suggested_key: str | None = None
    options: WorkerOptions = WorkerOptions()


def names_of(value: Any) -> tuple[str, ...]:
    """One name, a list of names or enum members, or None, as a tuple of texts."""
    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(name for item in value for name in names_of(item))
    return (str(getattr(value, "name", value)),)


def read_settings(config: DictConfig) -> Settings:
    """The sweeper's settings from the composed config; every key is there because the schema has it."""
    node = OmegaConf.to_container(config.hydra.sweeper, resolve=True, enum_to_str=True)
    if not isinstance(node, dict):  # the schema makes it a mapping
        raise TypeError("hydra.sweeper is not a mapping")
    data = {str(key): value for key, value in node.items() if key != "_target_"}
    return Settings(
        directions=names_of(data.pop("direction")),
        metric_names=names_of(data.pop("metric")),
        params=data.pop("params") or {},
        **data,
    )


def _signals(node: DictConfig) -> tuple[str, ...]:
    # Other launchers have handlers of their own for USR1 and USR2.
    return END_SIGNALS if "isolation" in node else WorkerOptions().signals


def read_worker_options(config: DictConfig) -> WorkerOptions:
    """The fields of `hydra.launcher` that concern the worker; a launcher that is not ours has none of them."""
    node = config.hydra.launcher
    default = WorkerOptions()
    return WorkerOptions(
        isolation=str(node.get("isolation", default.isolation)),
        grace_s=float(node.get("grace_s", default.grace_s)),
        signals=tuple(signal.name for signal in signal_numbers(node.get("signals") or _signals(node))),
        node_check=tuple(str(word) for word in node.get("node_check") or ()),
        lingers="isolation" in node,
    )
