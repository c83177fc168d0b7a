# SPDX-License-Identifier: MIT
"""Whatever a command waits for is said, once: trials of nobody, of another machine, and the lock of a dead host."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from tests.end_to_end._studies import APPS, assert_exact

Run = Callable[..., subprocess.CompletedProcess[str]]
STUDY = Path("study")
ELSEWHERE: dict[str, Any] = {
    "worker": "3-far-4711-abcdef",
    "number": 3,
    "host": "far",
    "machine": "another boot/1",
    "pid": 4711,
    "start": 1,
    "beat": "",
    "place": {},
    "label": "",
}


@pytest.fixture
def search(run_script: Run) -> Callable[..., str]:
    """`search(*overrides)`: what a search that ends well has said."""

    def run(*overrides: str, **options: Any) -> str:
        done = run_script(APPS / "ends" / "app.py", "--multirun", *overrides, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def begin_elsewhere() -> optuna.Trial:
    """A trial that a worker of plain Optuna has begun and will not end."""
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(STUDY / "journal.log")))
    (name,) = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage).ask()


@pytest.mark.parametrize("launcher", ["basic", pytest.param("local_workers", marks=pytest.mark.slow)])
def test_a_trial_of_nobody_is_told(search: Callable[..., str], launcher: str) -> None:
    """With its number and when it is freed; then it is run, and the budget is exact."""
    search("hydra.sweeper.n_trials=1")
    assert begin_elsewhere().number == 1
    told = search("hydra.sweeper.n_trials=3", "hydra.sweeper.lease_s=4", f"hydra/launcher={launcher}")
    line = "waiting for trial 1, which no worker of hyperopt_app holds (maybe of another program); it is freed"
    assert told.count(line) == 1, told
    assert told.count("waiting for") == 1, told
    assert_exact(STUDY, 3)


def test_a_trial_of_another_machine_is_told(search: Callable[..., str]) -> None:
    """With its worker, that worker's host and process, and when it is freed."""
    search("hydra.sweeper.n_trials=1")
    begin_elsewhere().set_user_attr("claim", ELSEWHERE)
    told = search("hydra.sweeper.n_trials=2", "hydra.sweeper.lease_s=4")
    line = (
        "waiting for trial 1, which worker 3 on far holds (process 4711); it is freed after 4 s without a sign of life"
    )
    assert told.count(line) == 1, told
    assert [trial.state for trial in assert_exact(STUDY, 2)] == [TrialState.COMPLETE] * 2


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_lock_of_a_dead_host_is_told(search: Callable[..., str]) -> None:
    """With the file, who holds it, and when it is broken; then the search goes on."""
    STUDY.mkdir()
    lock = STUDY.absolute() / ".study.lock"
    lock.write_text("far another-boot/1 4711 77 0123456789abcdef\n")
    told = search("hydra.sweeper.n_trials=1", timeout=100)
    line = f"{lock}: waiting for this lock, which process 4711 on far holds; it is broken after 30 s"
    assert told.count(line) == 1, told
    assert_exact(STUDY, 1)
