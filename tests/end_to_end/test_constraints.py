# SPDX-License-Identifier: MIT
"""A search with constraints over metrics and parameters, from the command line to what is shown of it."""

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

Run = Callable[..., subprocess.CompletedProcess[str]]

CLI = "from hyperopt_app.cli import main; main()"
APP = """
import hydra


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg):
    assert cfg.x + cfg.y <= 1, "an infeasible point is trained"
    return {"loss": cfg.x, "latency_ms": 200 * (1 - cfg.x)}


if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults: [_self_, {override hydra/sweeper: async_optuna}, {override hydra/launcher: local_workers}]
x: 0.0
y: 0.0
hydra:
  sweep: {dir: study, subdir: 'trials/${hydra.job.num}'}
  sweeper:
    n_trials: 8
    n_jobs: 1
    seed: 1
    metric: loss
    constraints: ["latency_ms <= 140", "x + y <= 1"]
    params: {x: 'interval(0.0, 1.0)', y: 'interval(0.0, 1.0)'}
"""


@pytest.fixture
def app() -> Path:
    """The script of an app whose small losses are too slow."""
    Path("train.py").write_text(APP)
    Path("config.yaml").write_text(CONFIG)
    return Path("train.py").absolute()


def _command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CLI, *words], capture_output=True, text=True, check=False, timeout=60)


def test_the_best_is_feasible_and_every_place_says_what_is_not(app: Path, run_script: Run) -> None:
    """Each trial of the budget is trained, none at a point that violates what is known before."""
    done = run_script(app, "--multirun")
    assert done.returncode == 0, done.stdout + done.stderr
    storage = JournalStorage(JournalFileBackend("study/journal.log"))
    trials = optuna.load_study(study_name=None, storage=storage).get_trials()
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 8
    excess = {trial.number: 200 * (1 - trial.params["x"]) - 140 for trial in trials}
    for trial in trials:
        assert trial.constraints["latency_ms <= 140"] == pytest.approx(excess[trial.number])
        assert trial.constraints["x + y <= 1"] == pytest.approx(trial.params["x"] + trial.params["y"] - 1)
    best = yaml.safe_load(Path("study/best.yaml").read_text())
    feasible = [trial for trial in trials if excess[trial.number] <= 0]
    assert best["trial"] == min(feasible, key=lambda trial: trial.values[0]).number
    number = next(number for number, amount in excess.items() if amount > 0)
    text = f"latency_ms <= 140 by {excess[number]:.4g}"
    with Path("study/trials.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[number]["infeasible"] == text
    assert float(rows[number]["constraints.latency_ms <= 140"]) == pytest.approx(excess[number])
    assert f"{8 - len(feasible)} of them infeasible" in done.stdout + done.stderr
    assert text in _command("trials", "study").stdout
    assert f"(infeasible: {text})" in _command("show", "study", str(number)).stdout
    refused = _command("add", "study", "x=0.9", "y=0.9", "--grow")
    assert refused.returncode == 1
    assert "it violates x + y <= 1 by 0.8, so it would not be trained" in refused.stderr
    changed = run_script(app, "--multirun", "hydra.sweeper.constraints=['latency_ms <= 50']")
    assert changed.returncode == 1
    assert "the constraint latency_ms <= 50 is new" in changed.stdout + changed.stderr


def test_wrong_constraints_are_refused_at_once_and_nothing_is_run(app: Path, run_script: Run) -> None:
    """A text that would do something, and one that no point meets."""
    words = "hydra.sweeper.constraints=[\"__import__('os').system('touch HACKED') <= 1\",\"x <= \"]"
    refused = run_script(app, "--multirun", words)
    assert refused.returncode == 1
    output = refused.stdout + refused.stderr
    assert "hydra.sweeper.constraints[0]" in output
    assert "hydra.sweeper.constraints[1]" in output
    none = run_script(app, "--multirun", "hydra.sweeper.constraints=['x + y <= -1']")
    assert none.returncode == 1
    assert "none of 10,000 random points meets x + y <= -1" in none.stdout + none.stderr
    assert not Path("study").exists()
    assert not list(Path().rglob("HACKED"))
