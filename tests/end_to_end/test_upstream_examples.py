# SPDX-License-Identifier: MIT
"""Programs written for hydra-optuna-sweeper run under both sweepers, with the same configs and the same results file.

They follow that project's three examples: a sphere, several objectives, and a search space that a function extends.
"""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end._studies import APPS, yaml_of

RunScript = Callable[..., subprocess.CompletedProcess[str]]

SWEEPERS = ("optuna", "async_optuna")
pytestmark = pytest.mark.stock


@pytest.fixture
def results_of(run_script: RunScript) -> Callable[..., dict[str, Any]]:
    """`results_of(example, sweeper, *overrides)`: run it and read its optimization_results.yaml."""

    def run(example: str, sweeper: str, *overrides: str) -> dict[str, Any]:
        program, out = APPS / "upstream" / example / "app.py", Path(sweeper)
        arguments = ("--multirun", f"hydra/sweeper={sweeper}", f"hydra.sweep.dir={out}", *overrides)
        ended = run_script(program, *arguments)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        found: dict[str, Any] = yaml_of(out / "optimization_results.yaml")
        return found

    return run


def shape(results: Any) -> Any:
    """The keys, in their order, and the types of plain data."""
    if isinstance(results, Mapping):
        return [(key, shape(value)) for key, value in results.items()]
    return type(results).__name__


def test_sphere(results_of: Callable[..., dict[str, Any]]) -> None:
    """A range with a step and a choice of numbers; the best value is that of the best parameters."""
    stock, ours = (results_of("sphere", sweeper) for sweeper in SWEEPERS)
    assert shape(ours) == shape(stock)
    assert ours["name"] == "optuna"
    assert ours["best_value"] == ours["best_params"]["x"] ** 2 + ours["best_params"]["y"] ** 2


def test_sphere_with_overrides(results_of: Callable[..., dict[str, Any]]) -> None:
    """On the command line a value pins a parameter and a choice replaces a range, under both sweepers alike."""
    overrides = ("x=choice(1,2)", "y=0", "hydra.sweeper.n_trials=6")
    stock, ours = (results_of("sphere", sweeper, *overrides) for sweeper in SWEEPERS)
    assert shape(ours) == shape(stock)
    assert list(ours["best_params"]) == ["x"]


def test_multi_objective(results_of: Callable[..., dict[str, Any]]) -> None:
    """Two directions: the solutions of the front, each with parameters and values."""
    stock, ours = (results_of("multi_objective", sweeper) for sweeper in SWEEPERS)
    assert shape(ours) == shape(stock) == [("name", "str"), ("solutions", "list")]
    assert {str(shape(one)) for one in ours["solutions"]} == {str(shape(one)) for one in stock["solutions"]}
    for solution in ours["solutions"]:
        x, y = solution["params"]["x"], solution["params"]["y"]
        assert solution["values"] == [4 * x**2 + 4 * y**2, (x - 5) ** 2 + (y - 5) ** 2]


def test_custom_search_space(results_of: Callable[..., dict[str, Any]]) -> None:
    """A function suggests a parameter within a range that depends on another one, and one that the config lacks."""
    stock, ours = (results_of("custom_search_space", sweeper) for sweeper in SWEEPERS)
    assert shape(ours) == shape(stock)
    params = ours["best_params"]
    assert set(params) == {"x", "y", "z", "+w"}
    assert abs(params["z"] - params["x"]) <= 0.5
    assert ours["best_value"] == pytest.approx(sum(value**2 for value in params.values()))
