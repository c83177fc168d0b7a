# SPDX-License-Identifier: MIT
"""Pairs of files of the original interface, made by changing one that works; no test stands here."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.reader import read_pair
from hyperopt_app.legacy.reading.pair import Pair

MODEL: dict[str, Any] = {
    "seed": 1000,
    "model": {"layers": 3, "activation": "relu", "dropout": 0.1},
    "optimizer": {"type": "adam", "learning_rate": 0.001},
    "trainer": {"batch_size": 32, "metrics": ["mse", "mae"]},
}

# Dialect B2, the commonest.
OPTUNA: dict[str, Any] = {
    "study_name": "rain",
    "storage": "rain.db",
    "storage_type": "sqlite",
    "objective": "objective.py",
    "metric": "val_loss",
    "direction": "minimize",
    "n_trials": 50,
    "gpu": False,
    "parameters": {
        "optimizer:learning_rate": {"type": "loguniform", "settings": {"name": "lr", "low": 1.0e-5, "high": 0.1}},
        "model:layers": {"type": "int", "settings": {"name": "layers", "low": 1, "high": 8}},
    },
}

# What replaces it in the original, A1: no study_name, storage or top-level save_path.
ORIGINAL: dict[str, Any] = {
    **{key: value for key, value in OPTUNA.items() if key not in ("study_name", "storage", "storage_type")},
    "name": "rain.db",
    "reload": 0,
    "save_path": "results",
}


def section(changes: Mapping[str, Any] | None = None, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A section `optuna` with some keys changed; those that are changed to an Ellipsis are taken out."""
    whole = {**(base or OPTUNA), **(changes or {})}
    return {key: value for key, value in whole.items() if value is not ...}


def parameter(kind: str, /, **settings: Any) -> dict[str, Any]:
    """One entry of `optuna.parameters`, named p if nothing else is said."""
    return {"type": kind, "settings": {"name": "p", **settings}}


def write(folder: Path, name: str, content: Any) -> Path:
    """A YAML file, from text as it is or from plain data."""
    path = folder / name
    text = textwrap.dedent(content) if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
    path.write_text(text, encoding="utf-8")
    return path


def read(
    folder: Path,
    optuna: Mapping[str, Any] | None = None,
    *,
    model: Any = None,
    changes: Mapping[str, Any] | None = None,
    network: str | None = None,
    **top: Any,
) -> Pair:
    """The pair of a section `optuna` and further sections, in a folder that holds the objective too."""
    (folder / "objective.py").touch()
    hyper = {"save_path": "results", **top, "optuna": dict(OPTUNA if optuna is None else optuna)}
    hyper = {key: value for key, value in hyper.items() if value is not ...}
    files = write(folder, "hyper.yml", hyper), write(folder, "model.yml", MODEL if model is None else model)
    return read_pair(*files, changes, folder, lambda _path: network)


def faults(folder: Path, optuna: Mapping[str, Any] | None = None, **others: Any) -> list[str]:
    """The faults of a pair that has some, without the name of its file."""
    with pytest.raises(ConfigError) as caught:
        read(folder, optuna, **others)
    return [fault.replace(f"{folder}/hyper.yml: ", "") for fault in caught.value.faults]


def notes(pair: Pair) -> str:
    """All notes as one text."""
    return "\n".join(pair.notes)
