# SPDX-License-Identifier: MIT
"""From the composed config of a trial back to the plain one of the user."""

import datetime as dt

from omegaconf import OmegaConf

from hyperopt_app.legacy.objectives.user_config import Shape, plain_config


def test_the_config_is_the_users_own_again() -> None:
    """Plain and mutable: names, integers, dates, keys that Hydra cannot address, and text that looks like Hydra's."""
    shape = Shape(
        renamed={"objective_": "objective"},
        placed=[{"key": "p0", "path": ["weights", "b.c"]}, {"key": "p1", "path": ["weights", 0]}],
        integers=[["model", "layers"], ["model", "missing"], ["objective", "n"]],
        dates=[["start"], ["times", 0]],
    )
    tree = {
        "objective": {"file": "x"},
        "objective_": {"n": 2.0},
        "placed": {"p0": 3, "p1": ["mae"]},
        "weights": {0: 1, 1: "one", "b.c": 0},
        "model": {"layers": 4.0, "on": True, "no": None},
        "start": "2020-01-02",
        "times": ["2020-01-02T03:04:05"],
        "literal": r"a \${b}",
        "unknown": "???",
        "optuna": {"parameters": {"a:b": {"type": "int"}}},
    }
    conf = plain_config(OmegaConf.create(tree), shape)
    assert conf == {
        "objective": {"n": 2},
        "weights": {0: ["mae"], 1: "one", "b.c": 3},
        "model": {"layers": 4, "on": True, "no": None},
        "start": dt.date(2020, 1, 2),
        "times": [dt.datetime(2020, 1, 2, 3, 4, 5)],  # noqa: DTZ001 - YAML's, without a zone
        "literal": "a ${b}",
        "unknown": "???",
        "optuna": {"parameters": {"a:b": {"type": "int"}}},
    }
    assert (type(conf), type(conf["model"]), type(conf["model"]["layers"])) == (dict, dict, int)
