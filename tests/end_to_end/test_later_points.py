# SPDX-License-Identifier: MIT
"""Points that a later command enqueues are tried too, each once, within the budget."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

RunApp = Callable[..., subprocess.CompletedProcess[str]]

POINT = "{x:1.25,y:2.5,z:-1.5}"
OTHER = "{x:-3.5}"
JOURNAL = Path("studies", "sphere", "journal.log")


def search(run_app: RunApp, n_trials: int, *overrides: str, launcher: str = "basic") -> str:
    """The command with so many trials; returns what it has said."""
    words = ("--multirun", "hparams=sphere", f"hydra/launcher={launcher}", f"hydra.sweeper.n_trials={n_trials}")
    done = run_app(*words, *overrides)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def params() -> list[dict[str, Any]]:
    """The parameters of the complete trials, by number, as plain Optuna reads them."""
    study = optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(str(JOURNAL))))
    assert {trial.state.name for trial in study.trials} == {"COMPLETE"}
    return [trial.params for trial in study.trials]


def test_a_later_point_takes_a_ticket_that_waits(run_app: RunApp) -> None:
    """The budget stays, and the point is the next trial; given again, it is not tried again, and a new one is."""
    search(run_app, 3, launcher="by_hand")  # which begins none of the three
    search(run_app, 3, f"hydra.sweeper.enqueue=[{POINT}]")
    found = params()
    assert len(found) == 3
    assert found[0] == {"x": 1.25, "y": 2.5, "z": -1.5}
    search(run_app, 5, f"hydra.sweeper.enqueue=[{POINT},{OTHER}]")
    later = params()
    assert later[:3] == found
    assert [one["x"] for one in later].count(1.25) == 1
    assert later[3]["x"] == -3.5
    assert later[4]["x"] != -3.5


def test_a_point_without_a_free_trial_is_told(run_app: RunApp) -> None:
    """When the budget is spent one line says what makes room, and that runs the point."""
    search(run_app, 2)
    said = search(run_app, 2, f"hydra.sweeper.enqueue=[{POINT}]")
    assert "hydra.sweeper.enqueue: no trial is free for 1 of 1 points" in said
    assert "hydra.sweeper.n_trials=3 makes room" in said
    said = search(run_app, 3, f"hydra.sweeper.enqueue=[{POINT}]")
    assert "no trial is free" not in said
    assert [one["x"] for one in params()].index(1.25) == 2
