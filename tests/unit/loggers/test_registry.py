# SPDX-License-Identifier: MIT
"""The settings of the loggers: what is wrong with them, their defaults, their paths."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.config.loggers import LOGGERS
from hyperopt_app.config.store import stored_nodes
from hyperopt_app.loggers import registry
from hyperopt_app.loggers.registry import logger_faults, with_absolute_places


@pytest.fixture(autouse=True)
def _all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every package counts as installed."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())


def test_each_logger_has_a_schema_a_group_and_a_run() -> None:
    """Under one name, with the same fields."""
    nodes = stored_nodes("hydra/sweeper/logger")
    assert {name: node[name] for name, node in nodes.items()} == {name: vars(conf()) for name, conf in LOGGERS.items()}
    assert registry._ROWS.keys() == LOGGERS.keys()
    for name, node in nodes.items():
        assert [*logger_faults(node)] == [], name


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"tensorbord": {}}, "logger.tensorbord: it is not a logger (did you mean tensorboard?)"),
        ({"csv": 3}, "logger.csv: 3 is not allowed; write {}, or its fields, such as {directory: ...}"),
        ({"csv": {"dir": "x"}}, "logger.csv.dir: csv has no such field"),
        ({"csv": {"directory": 3}}, "logger.csv.directory: 3 is not allowed; write a text, or null"),
        ({"mlflow": {"experiment": " "}}, "logger.mlflow.experiment: ' ' is not allowed"),
        ({"wandb": {"mode": "ofline"}}, "logger.wandb.mode: 'ofline' is not known; set online, offline, disabled"),
        ({"wandb": {"tags": "a"}}, "logger.wandb.tags: 'a' is not allowed; write a list of words"),
    ],
)
def test_a_wrong_setting_is_one_line(node: dict[str, Any], words: str) -> None:
    """With its key, what came and what is allowed."""
    (line,) = logger_faults(node)
    assert line.startswith(f"hydra.sweeper.{words}")


@pytest.mark.parametrize("logger", ["mlflow", "tensorboard", "wandb"])
def test_a_missing_package_is_one_line(logger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That says what installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    (line,) = logger_faults({logger: {}, "csv": None})
    assert f"logger.{logger}: the package {logger} is not installed; `pip install {logger}" in line


def test_relative_paths_start_where_the_command_was_typed() -> None:
    """URIs, and what is no path, stay as they are."""
    given = {
        "csv": None,
        "tensorboard": {"directory": "runs"},
        "mlflow": {"tracking_uri": "mlruns", "experiment": "mine"},
        "wandb": {"directory": "/logs", "project": "mine", "tags": ["a"]},
    }
    assert with_absolute_places(given, Path("/home/me")) == {
        "csv": {},
        "tensorboard": {"directory": "/home/me/runs"},
        "mlflow": {"tracking_uri": "file:///home/me/mlruns", "experiment": "mine"},
        "wandb": {"directory": "/logs", "project": "mine", "tags": ["a"]},
    }
    server = {"mlflow": {"tracking_uri": "http://host:5000"}}
    assert with_absolute_places(server, Path("/home/me")) == server
