# SPDX-License-Identifier: MIT
"""The result files of a study as its plan says, in the driver's and in a worker's hands."""

from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from omegaconf import OmegaConf

from hyperopt_app.objective.task_hooks import TaskHooks
from hyperopt_app.results.study_results import results_of_worker, write_study_results
from hyperopt_app.storage import journal
from tests.unit._made_studies import ended, kept
from tests.unit._made_sweeps import made_plan
from tests.unit._made_tickets import hand
from tests.unit._made_trials import made, study_of

CONFIG = OmegaConf.create({"name": "own"})


class Task(TaskHooks):
    """A task function with a result file of its own."""

    def __call__(self, config: Any) -> float:
        raise NotImplementedError

    def write_results(self, study: optuna.Study, study_dir: Path, config: Any) -> None:
        """How many trials the study has, in a file that the config names."""
        (study_dir / str(config.name)).write_text(str(len(study.trials)))


def test_the_files_have_the_plans_command_and_what_the_task_writes(tmp_path: Path) -> None:
    """The command that trains again is made from the plan; the task function sees study, directory and config."""
    study = study_of()
    study.add_trial(made(values=[0.5], training_seed=4))
    write_study_results(study, made_plan(tmp_path), CONFIG, Task())
    assert yaml.safe_load((tmp_path / "best.yaml").read_text())["retrain"] == "HYPEROPT_SEED=4 python -m app"
    assert (tmp_path / "own").read_text() == "1"


def test_a_worker_writes_the_study_that_it_has_open_now(tmp_path: Path) -> None:
    """It opens its study anew after it has lost a trial."""
    tickets = hand(study_of())
    results = results_of_worker(tickets, made_plan(tmp_path), CONFIG, Task())
    results.update(force=True)
    assert (tmp_path / "own").read_text() == "0"
    tickets.study = study_of()
    tickets.study.add_trial(made())
    results.update(force=True)
    assert (tmp_path / "own").read_text() == "1"


def test_whoever_writes_the_results_keeps_the_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker after a trial, and the driver at the end; of a study that is large enough."""
    study = kept(tmp_path / "s", [ended(values=0.5)])
    snapshot = tmp_path / "s" / "journal.log.snapshot"
    plan = made_plan(tmp_path / "s")
    write_study_results(study, plan, CONFIG, Task())
    assert not snapshot.exists()
    monkeypatch.setattr(journal, "_SMALLEST", 0)
    monkeypatch.setattr(journal, "_LEAST_GROWN", 0)
    write_study_results(study, plan, CONFIG, Task())
    first = snapshot.read_bytes()
    study.add_trials([ended(values=0.5)] * 3)
    results_of_worker(hand(study), plan, CONFIG, Task()).update(force=True)
    assert snapshot.read_bytes() != first
