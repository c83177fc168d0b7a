# SPDX-License-Identifier: MIT
"""Apps in the shape of Hydra's own examples, and one of hydra-zen, are searched by worker processes.

None of them knows this project; the sweeper, the launcher and the budget are named on the command line.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from tests.end_to_end._studies import APPS, assert_exact, trials_of, yaml_of

RunScript = Callable[..., subprocess.CompletedProcess[str]]

UPSTREAM = {name: [f"hydra.sweeper.study_name={name}"] for name in ("sphere", "multi_objective", "custom_search_space")}
SWEEPER = ("hydra/sweeper=async_optuna", "hydra.sweeper.n_jobs=1", "hydra.sweeper.seed=7")


def search(run_script: RunScript, program: Path, launcher: str, *overrides: str) -> Path:
    """Run an example's search under a launcher; returns the study's directory."""
    place = Path(launcher).absolute()
    words = (*SWEEPER, f"hydra/launcher={launcher}", f"hydra.sweep.dir={place}", *overrides)
    ended = run_script(program, "--multirun", *words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return place


def both(run_script: RunScript, program: Path, *overrides: str) -> list[list[Any]]:
    """The trials under `basic` and in worker processes: state, parameters, values."""
    places = [search(run_script, program, launcher, *overrides) for launcher in ("basic", "local_workers")]
    return [[(trial.state, trial.params, trial.values) for trial in trials_of(place)] for place in places]


@pytest.mark.slow
@pytest.mark.stock
@pytest.mark.parametrize("name", UPSTREAM)
def test_an_example_of_the_stock_sweeper(name: str, run_script: RunScript) -> None:
    """Sphere, several objectives, a search space that a function of the script extends: the same trials as `basic`."""
    here, there = both(run_script, APPS / "upstream" / name / "app.py")
    assert here == there
    assert {state for state, _, _ in there} == {TrialState.COMPLETE}
    assert yaml_of(Path("basic/optimization_results.yaml")) == yaml_of(Path("local_workers/optimization_results.yaml"))


def test_the_tutorial_on_structured_configs(run_script: RunScript) -> None:
    """A group whose options are dataclasses of the script is searched; its function gets those very classes."""
    space = ("cache=choice(ring,tree)", "load=interval(0,1)", "cache.size_mb=range(16,65,16)")
    place = search(run_script, APPS / "schema" / "app.py", "local_workers", *space, "hydra.sweeper.n_trials=6")
    trials = assert_exact(place, 6)
    assert {trial.params["cache"] for trial in trials} == {"ring", "tree"}
    for trial in trials:
        spent = 3.0 if trial.params["cache"] == "ring" else 8.0
        assert trial.value == pytest.approx(
            spent + (trial.params["load"] - 0.3) ** 2 * 3 * trial.params["cache.size_mb"]
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    "group",
    [
        "descent,momentum",
        "descent,jump",
    ],
    ids=["of a module", "of the script"],
)
def test_a_hydra_zen_app(group: str, run_script: RunScript) -> None:
    """Configs that are made of signatures, whole or partial, and a task that gets the built objects."""
    pytest.importorskip("hydra_zen", reason="hydra-zen is not installed")
    space = (f"method=choice({group})", "method.rate=interval(0.01,0.5)", "hydra.sweeper.n_trials=6")
    here, there = both(run_script, APPS / "zen" / "app.py", *space)
    assert here == there
    assert {params["method"] for _, params, _ in there} == set(group.split(","))
    assert {state for state, _, _ in there} == {TrialState.COMPLETE}
