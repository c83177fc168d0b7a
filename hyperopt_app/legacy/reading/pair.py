# SPDX-License-Identifier: MIT
"""The result of reading a pair of the original's YAML files: plain data, complete and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["AS_IT_IS", "Launcher", "Method", "Pair", "Parameter"]

# Stands in the config for a whole section that is searched: an override would be merged with the section itself.
AS_IT_IS = "as it is in the model config"


@dataclass(frozen=True)
class Parameter:
    """One entry of `optuna.parameters`.

    Attributes:
        path: The parts of its key, split at the colons.
        name: `settings.name`, the parameter's name in the study.
        declared: int, float, loguniform, uniform, discrete_uniform or categorical.
        settings: Its settings; text that was meant as a number is one.
        place: `model` (the path is in the model config), `new` (the last part is missing there and is made) or
            `objective` (a plain key that the model config does not have: only the objective suggests it).
        is_integer: The config is given an int.
    """

    path: tuple[str, ...]
    name: str
    declared: str
    settings: Mapping[str, Any]
    place: str
    is_integer: bool

    @property
    def key(self) -> str:
        """The key as the YAML file writes it."""
        return ":".join(self.path)


@dataclass(frozen=True)
class Method:
    """A sampler or a pruner.

    Attributes:
        name: The class in today's Optuna, e.g. TPESampler.
        arguments: What its constructor gets.
        written: The name in the YAML file; empty if the file has none.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    written: str = ""


@dataclass(frozen=True)
class Launcher:
    """How workers are started.

    Attributes:
        name: The option of the group `hydra/launcher`: local_workers, slurm_workers or pbs_workers.
        settings: The fields of that launcher which differ from its defaults.
        workers: How many workers it starts.
        source: The block of the YAML file: slurm, pbs, or empty.
    """

    name: str
    settings: Mapping[str, Any]
    workers: int
    source: str = ""


@dataclass(frozen=True)
class Pair:
    """A hyperparameter file and a model file.

    Attributes:
        hyper_path: Absolute path of the hyperparameter file.
        model_path: Absolute path of the model file; None if one file holds both (dialect A0).
        dialect: A0, A1, A2, B1, B2, B3 or B4: the best guess, for texts and defaults.
        model: The model config as loaded, without a section `optuna`.
        hyper: The hyperparameter config as loaded, the command line's values in it.
        optuna: What an objective sees as `conf["optuna"]`.
        parameters: In the order of the file.
        study_name: Name of the study.
        save_path: Absolute directory of everything that is written.
        storage: `sqlite:////abs/x.db`, `journal:/abs/x` or another URL; it may hold a password.
        metrics: One or more.
        directions: minimize or maximize, as many as metrics.
        n_trials: Of the whole study.
        workers: Of the whole study, from the first launcher.
        objective: Absolute path of the objective's file, which need not exist.
        gpu: Whether the objective is given a GPU.
        log_path: Absolute path of the log file; None for none.
        sampler: None for this project's default.
        pruner: None for none.
        enqueue: Points that are tried first, by `settings.name`.
        launchers: Used one after the other; empty without a block slurm or pbs, for one worker on this machine.
        notes: Notes for the user, each logged once.
        accept_missing: Workers are started although the objective imports what is not there.
    """

    hyper_path: Path
    model_path: Path | None
    dialect: str
    model: Mapping[Any, Any]
    hyper: Mapping[Any, Any]
    optuna: Mapping[Any, Any]
    parameters: tuple[Parameter, ...]
    study_name: str
    save_path: Path
    storage: str
    metrics: tuple[str, ...]
    directions: tuple[str, ...]
    n_trials: int
    workers: int
    objective: Path
    gpu: bool
    log_path: Path | None
    sampler: Method | None = None
    pruner: Method | None = None
    enqueue: tuple[Mapping[str, Any], ...] = ()
    launchers: tuple[Launcher, ...] = ()
    notes: tuple[str, ...] = ()
    accept_missing: bool = False
