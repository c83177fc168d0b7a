# SPDX-License-Identifier: MIT
"""Objectives of the original in whole studies: run as they are, each trial in a process of its own."""

import math
import subprocess
from collections.abc import Callable
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import pytest
import yaml
from optuna.trial import FrozenTrial, TrialState

from tests.end_to_end._studies import APPS, trials_of

Run = Callable[..., subprocess.CompletedProcess[str]]

# Each trial imports its libraries, on a machine that may be busy.
LONGEST_S = 180

NUM_DENSE = {"type": "int", "settings": {"name": "num_dense", "low": 0, "high": 2}}
RATE = {"type": "loguniform", "settings": {"name": "lr", "low": 1e-5, "high": 0.1}}


def _wants(*packages: str) -> None:
    """Skip without them; importing Keras here would choose its backend for this process.

    The path is asked, not what is imported already: optuna-integration puts a module without a spec in its place.
    """
    for name in packages:
        if PathFinder.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")


def _study(run_app: Run, file: str, model: dict[str, Any], *, dialect: str = "B3", **sweeper: Any) -> list[FrozenTrial]:
    """Run a study of an objective in tests/apps/legacy to its end."""
    groups = sweeper.pop("groups", {})
    overrides = [{f"override hydra/sweeper/{group}": option} for group, option in groups.items()]
    config = {
        "defaults": [
            *("_self_", {"override hydra/sweeper": "async_optuna"}, {"override hydra/launcher": "local_workers"}),
            *overrides,
        ],
        "objective": {
            "_target_": "hyperopt_app.legacy.objectives.adapter.LegacyObjective",
            "file": str(APPS / "legacy" / file),
            "metric": "val_loss",
            "gpu": False,
            "dialect": dialect,
            "save_path": str(Path.cwd() / "out"),
            "study_name": "holodec_optimization.db",
        },
        **model,
        "hydra": {
            "sweep": {"dir": "study", "subdir": "trials/${hydra.job.num}"},
            "sweeper": {"metric": "val_loss", "n_jobs": 1, "seed": 1, **sweeper},
        },
    }
    Path("config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    arguments = ("--config-path", Path.cwd(), "--config-name", "config", "--multirun")
    ended = run_app(*arguments, env={"KERAS_HOME": str(Path.cwd())}, timeout=LONGEST_S - 10)
    assert ended.returncode == 0, ended.stdout + ended.stderr + Path("study/workers/0.log").read_text()
    return trials_of(Path("study"))


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_S)
def test_the_readmes_keras_template_prunes_a_trial(run_app: Run) -> None:
    """KerasPruningCallback ends a hopeless trial under today's Keras, the others go to their end."""
    _wants("keras", "torch")
    trials = _study(
        run_app,
        "keras_a1.py",
        {
            "model": {"dense_hidden_dims": [1000]},
            "optimizer": {"learning_rate": 0.1},
            "trainer": {"epochs": 4},
            "optuna": {
                "name": "holodec_optimization.db",
                "direction": "minimize",
                "parameters": {"num_dense": NUM_DENSE, "optimizer:learning_rate": RATE},
            },
        },
        dialect="A1",
        n_trials=3,
        groups={"sampler": "random", "pruner": "median"},
        pruner={"n_startup_trials": 2, "n_warmup_steps": 0},
        names={"optimizer.learning_rate": "lr"},
        params={"optimizer.learning_rate": "tag(log,interval(1e-5,0.1))"},
        enqueue=[{"lr": 0.1}, {"lr": 0.09}, {"lr": 1e-5}],
    )
    assert [trial.state.name for trial in trials] == ["COMPLETE", "COMPLETE", "PRUNED"]
    assert [set(trial.params) for trial in trials] == [{"lr", "num_dense"}] * 3
    assert list(trials[0].intermediate_values) == [0, 1, 2, 3]
    assert list(trials[2].intermediate_values) == [0]
    kept = trials[1].user_attrs["legacy"]
    assert (kept["pruned"], kept["results"]["val_loss"], len(kept["results"]["loss"])) == (False, trials[1].value, 4)
    assert "legacy" not in trials[2].user_attrs
    log = Path("study/workers/0.log").read_text()
    assert log.count("which is the right spelling") == 1, "it is told once in a study"


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_S)
def test_the_readmes_torch_objective_with_custom_updates(run_app: Run) -> None:
    """A study in the constructor, the README's own `custom_updates`, and `return self.save(trial, results)`."""
    _wants("torch")
    trials = _study(
        run_app,
        "torch_a1.py",
        {
            "model": {"dense_hidden_dims": [1000]},
            "optimizer": {"learning_rate": 0.1},
            "trainer": {"epochs": 3},
            "dropout": 0.0,
            "optuna": {"direction": "minimize", "parameters": {"num_dense": NUM_DENSE}},
        },
        dialect="A1",
        n_trials=4,
        names={"optimizer.learning_rate": "lr", "dropout": "dr"},
        params={"optimizer.learning_rate": "tag(log,interval(1e-5,0.1))", "dropout": "interval(0.0,0.5)"},
    )
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4
    for trial in trials:
        assert set(trial.params) == {"lr", "dr", "num_dense"}
        assert trial.user_attrs["legacy"]["results"]["layers"] == 3 * trial.params["num_dense"] + 1
        assert len(trial.intermediate_values) == 3
    assert list(Path("out").glob("hyper_opt*.csv"))


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_S)
def test_every_ending_is_recorded_and_ends_no_worker(run_app: Run) -> None:
    """Pruned, failed, out of memory, NaN: the next trial runs in the same worker."""
    endings = ["pruned", "old", "raises", "oom", "none", "diverges", "fine"]
    trials = _study(
        run_app,
        "endings.py",
        {"ending": "fine"},
        n_trials=len(endings),
        groups={"sampler": "grid"},
        params={"ending": ",".join(endings)},
        max_consecutive_failures=None,
        max_failure_rate=1.0,
    )
    found = {trial.params["ending"]: trial for trial in trials}
    states = {name: trial.state.name for name, trial in found.items()}
    assert states == {
        "pruned": "PRUNED",
        "old": "PRUNED",
        "fine": "COMPLETE",
        "raises": "FAIL",
        "oom": "FAIL",
        "none": "FAIL",
        "diverges": "FAIL",
    }
    kinds = {name: found[name].user_attrs["failure"]["kind"] for name in ("raises", "oom", "none", "diverges")}
    assert kinds == {"raises": "bug", "oom": "oom", "none": "bug", "diverges": "diverged"}
    assert math.isnan(found["diverges"].user_attrs["legacy"]["results"]["val_loss"])
    assert "the user's own mistake" in found["raises"].user_attrs["failure"]["error"]
    assert len({trial.user_attrs["claim"]["pid"] for trial in trials}) == 1


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_S)
def test_optunas_own_callbacks_take_the_trial(run_app: Run) -> None:
    """Those of optuna-integration, in a process that has no study at hand."""
    _wants("keras", "optuna_integration", "pytorch_lightning", "torch")
    trials = _study(
        run_app,
        "integrations.py",
        {"library": "keras"},
        n_trials=2,
        groups={"sampler": "grid"},
        params={"library": "keras,lightning"},
    )
    assert [trial.state.name for trial in trials] == ["COMPLETE", "COMPLETE"]
    assert [list(trial.intermediate_values) for trial in trials] == [[0, 1], [0, 1]]


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_S)
def test_modules_beside_the_objective_are_imported(run_app: Run) -> None:
    """In each trial's own process, and what the objective defines can be pickled there."""
    width = {"type": "int", "settings": {"name": "width", "low": 1, "high": 1}}
    trials = _study(
        run_app,
        "siblings/objective.py",
        {"x": 1.0, "optuna": {"parameters": {"width": width}}},
        dialect="B1",
        n_trials=2,
        params={"x": "interval(0.0,1.0)"},
    )
    assert [trial.value for trial in trials] == [pytest.approx(trial.params["x"] ** 2 + 1) for trial in trials]


def test_a_file_that_is_not_there_is_told_before_anything_starts(run_app: Run) -> None:
    """The study is not made; a dry run only warns."""
    Path("config.yaml").write_text(
        "defaults: [_self_, {override hydra/sweeper: async_optuna}]\n"
        "objective: {_target_: hyperopt_app.legacy.objectives.adapter.LegacyObjective, file: /no/such.py, metric: m, "
        "save_path: /tmp, dialect: B3}\nx: 1.0\n"
        "hydra: {sweep: {dir: study}, sweeper: {metric: m, n_trials: 1, params: {x: 'interval(0.0,1.0)'}}}\n",
        encoding="utf-8",
    )
    arguments = ("--config-path", Path.cwd(), "--config-name", "config", "--multirun")
    ended = run_app(*arguments)
    assert ended.returncode != 0
    assert "/no/such.py does not exist; set the path of the file with your class Objective" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not Path("study").exists()
    tried = run_app(*arguments, "hydra.sweeper.dry_run=true")
    assert (tried.returncode, Path("study").exists()) == (0, False), tried.stderr
