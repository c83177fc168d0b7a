# SPDX-License-Identifier: MIT
"""The sweeper's settings as plain data, and a plan that travels."""

import pickle
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.config.sweeper import AsyncOptunaConf
from hyperopt_app.settings.objectives import names_of
from hyperopt_app.settings.reading import read_settings
from tests.unit._made_sweeps import made_plan, made_space, made_sweep, write_configs


class Direction(Enum):
    """As upstream's."""

    minimize = 1
    maximize = 2


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, ()),
        ("loss", ("loss",)),
        (["loss", "acc"], ("loss", "acc")),
        (Direction.maximize, ("maximize",)),
        ([Direction.maximize, "minimize"], ("maximize", "minimize")),
        ([], ()),
    ],
)
def test_one_name_or_several(value: Any, names: tuple[str, ...]) -> None:
    """A name, an enum member, a list of both, or nothing."""
    assert names_of(value) == names


def _settings(tmp_path: Path, text: str = "", *overrides: str) -> Any:
    defaults = "defaults: [_self_, {override hydra/sweeper: async_optuna}]\n"
    write_configs(tmp_path, {"config": defaults + text})
    _, config = made_sweep(tmp_path, *overrides)
    return read_settings(config)


def test_the_settings_are_the_schemas_defaults(tmp_path: Path) -> None:
    """Every field of the schema is read; the user names neither sampler nor pruner."""
    settings = _settings(tmp_path)
    schema = AsyncOptunaConf()
    assert (settings.directions, settings.metric_names, settings.params) == (("minimize",), (), {})
    for name in ("n_trials", "n_jobs", "max_failure_rate", "timeout", "seed", "lease_s", "progress"):
        assert getattr(settings, name) == getattr(schema, name)
    assert (settings.sampler, settings.pruner) == ({"seed": None}, {})  # which names nothing: the choice is ours


def test_interpolations_are_resolved_and_values_are_plain(tmp_path: Path) -> None:
    """What workers get can be pickled and knows no OmegaConf."""
    settings = _settings(
        tmp_path,
        "best: loss\nhydra: {sweeper: {metric: '${best}', direction: [maximize, minimize], params: {x: 'range(3)'}}}",
        "hydra.sweeper.n_trials=7",
        "hydra.sweeper.enqueue=[{x: 1}]",
    )
    assert (settings.metric_names, settings.directions, settings.n_trials) == (
        ("loss",),
        ("maximize", "minimize"),
        7,
    )
    assert (type(settings.params), settings.params) == (dict, {"x": "range(3)"})
    assert (type(settings.enqueue[0]), settings.enqueue) == (dict, [{"x": 1}])


def test_a_plan_travels(tmp_path: Path) -> None:
    """It comes out of a pickle equal, distributions included."""
    plan = made_plan(tmp_path, made_space("y=1", x="range(3)", z="a,'b c'"))
    assert pickle.loads(pickle.dumps(plan)) == plan
