# SPDX-License-Identifier: MIT
"""Several metrics by name: a Pareto front, one value by weights, or the best by metrics in turn."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

import hyperopt_app
from hyperopt_app.looking.tables.listing import best_table
from hyperopt_app.looking.tables.rows import row_of
from hyperopt_app.looking.view import read_view
from hyperopt_app.page.data import gather

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


ORDER = ("+hydra.sweeper.order=[loss,speed]", "+hydra.sweeper.tolerance={loss: 0.3}")


def test_the_best_by_metrics_in_turn_is_the_same_everywhere(app: Path, run_script: Run) -> None:
    """Files, last line, summary, table, page and `open_study`; the first metric is the value, and has a curve."""
    done = run_script(app, "--multirun", *ORDER, "hydra/sweeper/pruner=nop", "hydra.sweeper.n_trials=6")
    assert done.returncode == 0, done.stdout + done.stderr
    text, study = done.stdout + done.stderr, _study()
    assert (
        text.count("hydra.sweeper.order: the search optimises loss; of the trials within 0.3 of the lowest loss,") == 1
    )
    assert study.metric_names == ["loss"]
    speeds = {trial.number: trial.user_attrs["metrics"]["speed"] for trial in study.trials}
    near = [trial for trial in study.trials if trial.values[0] <= study.best_value + 0.3]
    best = max(near, key=lambda trial: speeds[trial.number]).number
    assert best != study.best_trial.number
    assert all(len(trial.intermediate_values) == 3 for trial in study.trials)
    written = yaml.safe_load(Path("study/best.yaml").read_text())
    assert (written["trial"], written["metrics"]["speed"]) == (best, speeds[best])
    assert f"Best: trial {best} with loss={study.trials[best].value:.6g}, speed={speeds[best]:.6g}, of 6" in text
    opened = hyperopt_app.open_study("study")
    assert opened.best.number == best
    assert f"speed {speeds[best]:.4g}" in opened.summary()
    view = read_view(_study(), Path("study"))
    assert [trial.number for trial in view.ranked(1)] == [best]
    headers, (cells,), _ = best_table(view, [row_of(view, view.ranked(1)[0])])
    assert (headers[:3], cells[0]) == (["number", "loss", "metrics.speed"], str(best))
    gathered = gather(_study(), Path("study"), Path("study"), lambda _trial: "")
    assert (gathered.data["best"], gathered.best[0].number) == ([best], best)
    assert f"the best is chosen by loss within 0.3, then speed: #{best}." in gathered.sentences["history"]


@pytest.mark.slow
def test_another_command_may_change_the_order_but_not_the_first_metric(app: Path, run_script: Run) -> None:
    """The trials are the same, so only the choice among them is made anew; all faults are said at once."""
    begun = run_script(app, "--multirun", *ORDER, "hydra/sweeper/pruner=nop")
    assert begun.returncode == 0, begun.stdout + begun.stderr
    best = yaml.safe_load(Path("study/best.yaml").read_text())["trial"]
    exact = run_script(app, "--multirun", ORDER[0], "hydra/sweeper/pruner=nop")
    assert exact.returncode == 0, exact.stdout + exact.stderr
    lowest = _study().best_trial.number
    assert yaml.safe_load(Path("study/best.yaml").read_text())["trial"] == lowest != best
    other = run_script(app, "--multirun", "+hydra.sweeper.order=[speed,loss]", "hydra/sweeper/pruner=nop")
    assert other.returncode == 1
    assert "has the direction(s) minimize, the command asks for maximize" in other.stdout + other.stderr
    wrong = run_script(
        app, "--multirun", "+hydra.sweeper.order=[loss,sped]", "+hydra.sweeper.tolerance={loss: -1}",
        "+hydra.sweeper.weights={loss: 2}",
    )  # fmt: skip
    assert wrong.returncode == 1
    for line in (
        "order: it cannot stand beside hydra.sweeper.weights",
        "order: hydra.sweeper.metric does not have 'sped' (did you mean speed?)",
        "order: speed is missing",
        "tolerance.loss: -1 is not allowed",
    ):
        assert f"hydra.sweeper.{line}" in wrong.stdout + wrong.stderr
