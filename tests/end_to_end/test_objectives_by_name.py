# SPDX-License-Identifier: MIT
"""Several metrics by name: a Pareto front, or one value by weights."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

Run = Callable[..., subprocess.CompletedProcess[str]]

APP = """
import hydra
import hyperopt_app


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg):
    loss, speed = (cfg.x - 1) ** 2, 10 * (1 - cfg.x)
    for step in range(3):
        hyperopt_app.report(loss, step)
    return {"loss": loss, "speed": speed}


if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults: [_self_, {override hydra/sweeper: async_optuna}, {override hydra/launcher: local_workers}]
x: 0.0
hydra:
  sweep: {dir: study, subdir: 'trials/${hydra.job.num}'}
  sweeper:
    n_trials: 4
    n_jobs: 1
    seed: 1
    metric: {loss: minimize, speed: maximize}
    params: {x: 'interval(0.0, 1.0)'}
"""


@pytest.fixture
def app() -> Path:
    """The script of an app whose good losses are slow."""
    Path("train.py").write_text(APP)
    Path("config.yaml").write_text(CONFIG)
    return Path("train.py").absolute()


def _study() -> optuna.Study:
    return optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend("study/journal.log")))


def test_each_metric_has_its_own_direction(app: Path, run_script: Run) -> None:
    """The study has both; a direction beside them is refused."""
    refused = run_script(app, "--multirun", "hydra.sweeper.direction=minimize")
    assert refused.returncode == 1
    assert (
        "hydra.sweeper.direction: minimize cannot stand beside hydra.sweeper.metric" in refused.stdout + refused.stderr
    )
    done = run_script(app, "--multirun")
    assert done.returncode == 0, done.stdout + done.stderr
    study = _study()
    assert [direction.name for direction in study.directions] == ["MINIMIZE", "MAXIMIZE"]
    assert study.metric_names == ["loss", "speed"]
    for trial in study.trials:
        x = trial.params["x"]
        assert trial.values == pytest.approx([(x - 1) ** 2, 10 * (1 - x)])
    assert len(yaml.safe_load(Path("study/best.yaml").read_text())["solutions"]) == 4


def test_weights_make_one_value_of_them(app: Path, run_script: Run) -> None:
    """It is minimised and has a curve; both metrics are kept, and the sum is named in the table."""
    done = run_script(app, "--multirun", "+hydra.sweeper.weights={speed: 0.1}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("hydra.sweeper.weights: trials are pruned by what the objective") == 1
    study = _study()
    assert study.metric_names == ["loss - 0.1 * speed"]
    for trial in study.trials:
        x = trial.params["x"]
        assert trial.value == pytest.approx((x - 1) ** 2 - (1 - x))
        assert trial.user_attrs["metrics"] == pytest.approx({"loss": (x - 1) ** 2, "speed": 10 * (1 - x)})
        assert len(trial.intermediate_values) == 3
    assert yaml.safe_load(Path("study/best.yaml").read_text())["trial"] == study.best_trial.number
    changed = run_script(app, "--multirun", "+hydra.sweeper.weights={speed: 0.2}")
    assert changed.returncode == 1
    assert "metric: loss - 0.1 * speed -> loss - 0.2 * speed" in changed.stdout + changed.stderr
