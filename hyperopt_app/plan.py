# SPDX-License-Identifier: MIT
"""What the driver hands to every worker: plain data, read once from the sweeper's settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hyperopt_app.budget import Limits
from hyperopt_app.space import Space

__all__ = ["Plan", "Settings", "names_of", "read_settings"]


@dataclass(frozen=True)
class Settings:
    """The fields of `hydra.sweeper` as plain Python; what each means stands in `config.AsyncOptunaConf`."""

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
    custom_search_space: str | None
    timeout: float | None
    enqueue: Sequence[Mapping[str, Any]]
    seed: int | None
    accept_changes: bool
    lease_s: float
    progress: str


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
