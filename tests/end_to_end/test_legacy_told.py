# SPDX-License-Identifier: MIT
"""What users of the original files have met: logs, pruners and jobs that were not what the files say."""

import csv
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

from tests.conftest import REPO

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.filterwarnings("ignore:Choices for a categorical distribution should be a tuple of None"),
]

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PAIR = ("hyper.yml", "model.yml")
MODEL: dict[str, Any] = {"lr": 0.1, "loss": ["mse"]}
OBJECTIVE = """\
{head}
from {package}.src.base_objective import BaseObjective


class Objective(BaseObjective):
    def __init__(self, config, metric="val_loss", device="cpu"):
        BaseObjective.__init__(self, config, metric, device)

    def train(self, trial, conf):
        trial.suggest_int("width", 1, 4)
        return {{"val_loss": conf["lr"], "history": ["a", 1.5]}}
"""
# Dialects A2 and B1: no top-level save_path, no storage_type.
OPTUNA: dict[str, Any] = {
    "study_name": "rain",
    "storage": "sqlite:///rain.db",
    "reload": 0,
    "save_path": "results",
    "objective": "objective.py",
    "metric": "val_loss",
    "direction": "minimize",
    "n_trials": 3,
    "gpu": False,
    "parameters": {
        "lr": {"type": "loguniform", "settings": {"name": "lr", "low": 1.0e-5, "high": 0.1}},
        "loss": {"type": "categorical", "settings": {"name": "loss", "choices": [["mse"], ["mse", "mae"]]}},
        "width": {"type": "int", "settings": {"name": "width", "low": 1, "high": 4}},
    },
}
LATER = {"storage": "rain.db", "storage_type": "sqlite"}


def _write(top: dict[str, Any] | None = None, *, head: str = "", package: str = "echo", **changes: Any) -> None:
    hyper = {**(top or {}), "optuna": {**OPTUNA, **changes}}
    Path("hyper.yml").write_text(yaml.safe_dump(hyper, sort_keys=False))
    Path("model.yml").write_text(yaml.safe_dump(MODEL))
    Path("objective.py").write_text(OBJECTIVE.format(head=head, package=package))


def _optimize(run_script: Run, *options: str, status: int = 0, **more: Any) -> str:
    done = run_script(REPO / "optimize.py", *PAIR, *options, timeout=150, **more)
    text = done.stdout + done.stderr
    assert done.returncode == status, text
    return text


@pytest.mark.parametrize("log", ["results", "results/studies", "results/log"])
def test_g2_the_log_may_be_named_as_the_directory_of_the_results(log: str, run_script: Run) -> None:
    """Also in the first run, in which neither is there: the log is log.txt in it."""
    _write({"log": {"save_path": log}})
    _optimize(run_script)
    study = optuna.load_study(study_name="rain", storage="sqlite:///rain.db")
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3
    file = Path(log) if log.endswith("log") else Path(log, "log.txt")
    assert file.stat().st_size > 0
    _optimize(run_script, "-t", "4")
    assert not list(Path().rglob("log.txt/log.txt"))


@pytest.mark.parametrize(("package", "prunes"), [("echo", False), ("aimlutils.echo", True)])
def test_g3_the_objectives_import_tells_which_release_pruned(package: str, prunes: bool, run_script: Run) -> None:
    """The files of 2021 and of early 2022 are alike; echo-opt set no pruner."""
    _write(package=package)
    text = _optimize(run_script, "--dry_run")
    assert ("this form of file had Optuna's MedianPruner in force" in text) is prunes, text


PBS: dict[str, Any] = {
    "jobs": 2,
    "batch": {"l": ["select=1:ncpus=2", "walltime=00:10:00"], "A": "N", "q": "main", "o": "out", "e": "err", "j": "oe"},
    "bash": ["source ~/.bashrc", "conda activate holo"],
}


@pytest.fixture
def pbs() -> dict[str, str]:
    """An environment with a qsub that only notes that it was called."""
    folder = Path("bin").absolute()
    folder.mkdir()
    qsub = folder / "qsub"
    qsub.write_text(f'#!/bin/sh\necho "$@" >> {Path("submitted").absolute()}\necho 7.pbs\n')
    qsub.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def test_g4_a_submission_says_which_python_the_jobs_run(pbs: dict[str, str], run_script: Run) -> None:
    """Once, with the line that would have chosen another."""
    _write({"save_path": "results", "pbs": PBS}, **LATER)
    text = _optimize(run_script, env=pbs)
    assert len(Path("submitted").read_text().splitlines()) == 2
    assert text.count("`conda activate holo`") == 1, text
    assert "submit from it" in text


def test_g6_a_job_of_pbs_has_a_login_shell_and_no_note_on_its_output(run_script: Run) -> None:
    """As the original's scripts; nearly every file says where the output goes."""
    _write({"save_path": "results", "pbs": PBS}, **LATER)
    text = _optimize(run_script, "--dry_run")
    assert ("#!/bin/bash -l\n#PBS" in text, "not needed" in text) == (True, False), text
    assert text.count("not the Python of `conda activate holo`") == 1, text


def test_g4_jobs_that_cannot_import_their_objective_are_not_submitted(pbs: dict[str, str], run_script: Run) -> None:
    """Each missing module is named once, and the exit code says it; --accept_missing submits all the same."""
    head = "import no_such_module.a\nimport no_such_module\nfrom no_such_module.b import c\nimport no_other_module"
    _write({"save_path": "results", "pbs": PBS}, head=head, **LATER)
    text = _optimize(run_script, status=1, env=pbs)
    assert not Path("submitted").exists()
    assert (text.count("'no_such_module'"), text.count("'no_other_module'")) == (1, 1), text
    assert "--accept_missing" in text
    assert not Path("results").exists()
    _optimize(run_script, "--accept_missing", env=pbs)
    assert len(Path("submitted").read_text().splitlines()) == 2


def _column(path: str, name: str) -> list[str]:
    with Path(path).open(newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def test_g6_tables_and_best_yml_are_spelled_as_the_originals(run_script: Run) -> None:
    """A list looks the same in both tables; best.yml has the model config's keys and no others."""
    _write({"save_path": "results"}, **LATER)
    _optimize(run_script)
    entry = Path("entry.py")
    entry.write_text("from hyperopt_app.cli import main\nmain()\n")
    done = run_script(entry, "legacy", "report", "hyper.yml", "-m", "model.yml", timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr
    best = yaml.safe_load(Path("results/best.yml").read_text())
    assert (
        _column("results/trial_results.csv", "loss"),
        _column("results/trial_results.csv", "history"),
        sorted(best),
    ) == (_column("results/rain.csv", "params_loss"), ["['a', 1.5]"] * 3, sorted(MODEL))
    assert set(_column("results/rain.csv", "params_loss")) <= {"['mse']", "['mse', 'mae']"}
    assert "Only the objective applies these; they are not in best.yml:\n\t\twidth: " in done.stdout
