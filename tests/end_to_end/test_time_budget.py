# SPDX-License-Identifier: MIT
"""A study with a budget of hours, GPU-hours or trainings: it ends in time, and a larger budget goes on where it was."""

import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app import cli
from hyperopt_app.cost.compute import gpu_hours
from hyperopt_app.cost.worker_times import WorkerTime, read_worker_times, spanned_s
from hyperopt_app.study.trial_facts import attempts_of
from tests.end_to_end._studies import APPS, assert_exact, in_state, trials_of, wait_for

RunScript = Callable[..., subprocess.CompletedProcess[str]]

APP = APPS / "epochs" / "app.py"
STUDY = Path("study")
SECONDS = 1.5
CONFIG = """
defaults:
  - _self_
  - override hydra/sweeper: async_optuna
  - override hydra/sweeper/pruner: nop
  - override hydra/launcher: {launcher}
x: 0.0
epochs: 5
epoch_s: 0.2
spread: 0.0
meet: 0
hydra:
  sweep: {{dir: study, subdir: "trials/${{hydra.job.num}}"}}
  launcher: {fields}
  sweeper: {{n_trials: 6, params: {{x: "interval(-1, 1)"}}}}
"""
HALVES = "{gpus: [0], workers_per_gpu: 2}"  # of a GPU for each of two workers; nothing in this app touches it


def _hours(times: Sequence[WorkerTime]) -> float:
    return spanned_s(times) / 3600


@pytest.mark.parametrize(
    ("launcher", "fields", "unit", "measure"),
    [("local_workers", HALVES, "gpu_hours", gpu_hours), ("basic", "{}", "hours", _hours)],
    ids=["GPU-hours", "hours, one process"],
)
def test_a_study_ends_with_its_hours_and_a_larger_budget_goes_on(
    run_script: RunScript, launcher: str, fields: str, unit: str, measure: Callable[[Sequence[WorkerTime]], float]
) -> None:
    """No trial begins after the budget is spent, those that run end at a checkpoint, and no epoch is trained twice."""
    Path("mine.yaml").write_text(CONFIG.format(launcher=launcher, fields=fields), encoding="utf-8")
    command = (APP, f"--config-path={Path.cwd()}", "--config-name=mine", "--multirun")
    most = SECONDS / 3600
    done = run_script(*command, f"hydra.sweeper.budget.{unit}={most}")
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert f"hydra.sweeper.budget.{unit}={most:g} is spent" in output
    assert measure(read_worker_times(STUDY)) >= most
    assert in_state(STUDY, TrialState.RUNNING) == []
    assert in_state(STUDY, TrialState.WAITING)

    again = run_script(*command, f"hydra.sweeper.budget.{unit}={most}")
    assert "is spent" in again.stdout + again.stderr
    assert "Launching" not in again.stdout + again.stderr

    more = run_script(*command, f"hydra.sweeper.budget.{unit}=1")
    assert more.returncode == 0, more.stdout + more.stderr
    assert_exact(STUDY, 6)
    for trial in trials_of(STUDY):
        notes = Path(trial.user_attrs["directory"], "epochs.txt").read_text().splitlines()
        assert sorted(Counter(int(line.split()[0]) for line in notes).values()) == [1] * 5
        assert len(attempts_of(trial)) <= 2


def test_a_study_ends_with_its_trainings_and_a_larger_budget_goes_on(run_script: RunScript) -> None:
    """Two full trainings of five epochs; the third trial does not begin."""
    Path("mine.yaml").write_text(CONFIG.format(launcher="basic", fields="{}"), encoding="utf-8")
    command = (APP, f"--config-path={Path.cwd()}", "--config-name=mine", "--multirun", "epoch_s=0")
    done = run_script(*command, "hydra.sweeper.n_jobs=1", "hydra.sweeper.budget.trainings=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hydra.sweeper.budget.trainings=2 is spent (2)" in done.stdout + done.stderr
    assert len(in_state(STUDY, TrialState.COMPLETE)) == 2
    more = run_script(*command, "hydra.sweeper.budget.trainings=100")
    assert more.returncode == 0, more.stdout + more.stderr
    assert_exact(STUDY, 6)


def test_stop_now_ends_running_trials_at_their_checkpoints(
    start_script: Callable[..., "subprocess.Popen[str]"],
) -> None:
    """Long before their ends; they wait with their curves to be continued."""
    Path("mine.yaml").write_text(CONFIG.format(launcher="local_workers", fields="{}"), encoding="utf-8")
    command = (APP, f"--config-path={Path.cwd()}", "--config-name=mine", "--multirun", "hydra.sweeper.n_trials=2")
    program = start_script(*command, "epochs=100")
    wait_for(
        "a report of each trial", lambda: [len(trial.intermediate_values) > 1 for trial in _running()] == [True] * 2
    )
    cli.main(["stop", str(STUDY), "--now"])
    output, _ = program.communicate(timeout=40)
    assert program.returncode == 0, output
    assert "Stopped: the user asked for it (hyperopt-app stop --now). 2 of 2 trials are left" in output
    waiting = in_state(STUDY, TrialState.WAITING)
    assert [0 < len(trial.intermediate_values) < 100 for trial in waiting] == [True] * 2


def _running() -> Sequence[FrozenTrial]:
    return in_state(STUDY, TrialState.RUNNING) if STUDY.is_dir() else []
