# SPDX-License-Identifier: MIT
"""best.yml holds the values with which the best trial was trained."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from hyperopt_app.legacy.reading.pair import Parameter
from hyperopt_app.legacy.report import best_config, unapplied, write_best

MODEL: dict[Any, Any] = {
    "optimizer": {"type": "adam", "learning_rate": 0.1, "weight_decay": 0},
    "model": {"layers": 1, "width": 1, "dropouts": [0.1, 0.2]},
    "batch_size": 8,
    "lr": "not searched",
    1: {2: "whole numbers are keys"},
}


def parameter(key: str, name: str, declared: str = "float", **more: Any) -> Parameter:
    """A parameter of the model config, unless told otherwise."""
    place = {"place": "model", "is_integer": declared == "int", "settings": {}, **more}
    return Parameter(tuple(key.split(":")), name, declared, **place)


def test_q19_parameters_go_by_their_own_name() -> None:
    """The original looked for the last part of the key, and so took another parameter's value, or none."""
    parameters = [
        parameter("optimizer:learning_rate", "lr", "loguniform"),
        parameter("batch_size", "bs", "int"),
        parameter("model:layers", "width", "int"),
        parameter("model:width", "n", "int"),
    ]
    best = best_config(parameters, MODEL, {"lr": 1e-5, "bs": 64, "width": 3, "n": 512})
    assert best == {
        **MODEL,
        "optimizer": {"type": "adam", "learning_rate": 1e-5, "weight_decay": 0},
        "model": {"layers": 3, "width": 512, "dropouts": [0.1, 0.2]},
        "batch_size": 64,
    }


@pytest.mark.parametrize(
    ("declared", "is_integer", "stored", "expected"),
    [
        ("int", True, 3.0, 3),
        ("float", False, 2, 2.0),
        ("uniform", False, 1, 1.0),
        ("discrete_uniform", True, 64.0, 64),
        ("discrete_uniform", False, 2.5, 2.5),
        ("categorical", False, None, None),
        ("categorical", False, ["mae"], ["mae"]),
        ("categorical", False, True, True),
    ],
    ids=["int", "float", "uniform", "whole", "half", "none", "list", "bool"],
)
def test_q19_values_are_cast_as_in_training(declared: str, is_integer: bool, stored: Any, expected: Any) -> None:
    """A number of layers is an int here if it was one there."""
    value = best_config([parameter("model:width", "w", declared, is_integer=is_integer)], MODEL, {"w": stored})
    assert value["model"]["width"] == expected
    assert type(value["model"]["width"]) is type(expected)


def test_a_missing_last_part_is_made() -> None:
    """As in training; the model config that was given stays as it is."""
    best = best_config([parameter("model:heads", "h", "int", place="new")], MODEL, {"h": 4})
    assert best["model"]["heads"] == 4
    assert "heads" not in MODEL["model"]


def test_what_only_the_objective_applies_is_told() -> None:
    """Plain keys that the model config lacks, and what custom_updates suggests, are in no config."""
    parameters = [parameter("num_dense", "dense", "int", place="objective"), parameter("model:width", "w", "int")]
    params = {"dense": 3, "w": 2, "own": 0.5}
    assert unapplied(parameters, MODEL, params) == {"dense": 3, "own": 0.5}
    assert "num_dense" not in best_config(parameters, MODEL, params)


def test_a_trial_without_a_parameter_leaves_the_models_value() -> None:
    """A parameter that was added to the file later."""
    assert best_config([parameter("model:width", "w", "int")], MODEL, {}) == MODEL


def test_tied_parameters_share_a_value() -> None:
    """Two keys of one name."""
    parameters = [parameter("model:layers", "n", "int"), parameter("model:width", "n", "int")]
    assert best_config(parameters, MODEL, {"n": 7})["model"] == {"layers": 7, "width": 7, "dropouts": [0.1, 0.2]}


def test_the_file_is_sorted_and_loadable(tmp_path: Path) -> None:
    """Keys as yaml.dump sorts them; a small number is a number again under YAML 1.1."""
    path = tmp_path / "best.yml"
    config = best_config(
        [parameter("optimizer:learning_rate", "lr", "loguniform")], {**MODEL, "café": "naïve"}, {"lr": 1e-07}
    )
    write_best(path, config)
    assert yaml.safe_load(path.read_text()) == config
    lines = [line for line in path.read_text().splitlines() if not line.startswith((" ", "-"))]
    assert "  learning_rate: 1.0e-07" in path.read_text()
    assert [line for line in lines if line.startswith("o")] == ["optimizer:"]
    write_best(path, {"b": 1, "a": {"d": 2, "c": 3}})
    assert path.read_text() == "a:\n  c: 3\n  d: 2\nb: 1\n"
