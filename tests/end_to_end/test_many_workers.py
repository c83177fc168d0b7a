# SPDX-License-Identifier: MIT
"""Sixty-four workers on one journal; and how many files a trial leaves."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from hyperopt_app.storage.opening import open_storage
from tests.conftest import _environment_of_programs
from tests.end_to_end._empty_workers import NAME
from tests.end_to_end._studies import assert_exact

WORKERS, TICKETS = 64, 640


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_sixty_four_workers_spend_one_journals_budget_exactly() -> None:
    """Each ticket is finished once and by one worker, nothing is left running or waiting, no result is dropped."""
    import optuna

    task = {"storage": None, "study_dir": "study", "size": 0, "tickets": TICKETS, "n_trials": TICKETS}
    task |= {"workers": WORKERS, "seconds": 240, "patience_s": 120, "sampler": "random"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.end_to_end._empty_workers", json.dumps(task)],
        env=_environment_of_programs(),
        capture_output=True,
        text=True,
        check=True,
    )
    tallies = json.loads(done.stdout)
    assert len(tallies) == WORKERS, done.stderr
    assert sorted(number for tally in tallies for number in tally["finished"]) == list(range(TICKETS))
    assert not any(tally["dropped"] for tally in tallies)
    study = optuna.load_study(study_name=NAME, storage=open_storage(None, Path("study")))
    assert [trial.number for trial in study.trials] == list(range(TICKETS))
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    assert not any("losses" in trial.user_attrs for trial in study.trials)


def test_a_trial_leaves_at_most_six_files(run_app: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    """Beside what the objective itself writes; and a study's own files do not grow in number with its trials."""
    counts = []
    for n_trials in (2, 6):
        done = run_app("--multirun", "hparams=sphere", f"hydra.sweeper.n_trials={n_trials}", "hydra.sweeper.n_jobs=1")
        assert done.returncode == 0, done.stderr
        counts.append(sum(path.is_file() for path in Path("studies/sphere").rglob("*")))
    for trial in assert_exact(Path("studies/sphere"), 6):
        files = [path for path in Path(trial.user_attrs["directory"]).rglob("*") if path.is_file()]
        assert 0 < len(files) <= 6, files
    # The second command has a driver's log and a worker's files of its own.
    assert counts[1] - counts[0] <= 4 * 6 + 6
