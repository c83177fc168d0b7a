# SPDX-License-Identifier: MIT
"""Hydra's context and config of a sweep without a command line, and small plans; no test stands here."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobRuntime, setup_globals
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from hyperopt_app.config.store import register_presets
from hyperopt_app.space.space import Space, parse_space
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.stopping import Limits

NOON = datetime(2026, 11, 26, 12)  # noqa: DTZ001 - when a command was given, local time as Hydra tells it


def write_configs(directory: Path, files: Mapping[str, str]) -> Path:
    """Write YAML files, by name without the ending, into a directory that is made."""
    for name, text in files.items():
        path = directory / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return directory


def made_sweep(configs: Path, *overrides: str) -> tuple[HydraContext, DictConfig]:
    """What Hydra hands to a sweeper when `config.yaml` of a directory is started with these overrides."""
    setup_globals()
    JobRuntime.instance().set("name", "app")
    register_presets(overrides)
    loader = ConfigLoaderImpl(config_search_path=create_config_search_path(str(configs)))
    config = loader.load_configuration("config", list(overrides), run_mode=RunMode.MULTIRUN)
    config.hydra.mode = RunMode.MULTIRUN
    HydraConfig.instance().set_config(config)
    return HydraContext(config_loader=loader, callbacks=Callbacks(config)), config


def sweeper_node(*overrides: str) -> dict[str, Any]:
    """The composed `hydra.sweeper` of async_optuna, as plain data."""
    loader = ConfigLoaderImpl(config_search_path=create_config_search_path(None))
    words = ["hydra/sweeper=async_optuna", *overrides]
    config = loader.load_configuration(None, words, run_mode=RunMode.RUN)
    node = OmegaConf.to_container(config.hydra.sweeper, resolve=True, enum_to_str=True)
    assert isinstance(node, dict)
    return {str(key): value for key, value in node.items()}


def made_space(*arguments: str, **params: str) -> Space:
    """A space that can be read."""
    space, faults = parse_space(params, arguments)
    assert not faults
    return space


def made_plan(study_dir: Path, space: Space | None = None, **changes: Any) -> Plan:
    """A plan with a random sampler and no pruner."""
    plain: dict[str, Any] = {
        "storage": None,
        "study_name": "study",
        "study_dir": study_dir,
        "n_trials": 4,
        "space": Space({}) if space is None else space,
        "metric_names": (),
        "directions": 1,
        "seed": 3,
        "sampler": {"_target_": "optuna.samplers.RandomSampler"},
        "pruner": {"_target_": "optuna.pruners.NopPruner"},
        "limits": Limits(),
        "ended_before": frozenset(),
        "custom_search_space": None,
        "lease_s": 60.0,
        "program": "python -m app",
        "driver_pid": 0,
    }
    return Plan(**{**plain, **changes})
