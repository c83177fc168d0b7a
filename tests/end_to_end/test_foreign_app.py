# SPDX-License-Identifier: MIT
"""Somebody else's Hydra app, in a folder of its own, searched with nothing but the sweeper named in its config."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.end_to_end._studies import APPS, assert_exact, end_of, in_state, yaml_of

RunScript = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def program() -> Path:
    """The app's file, in a folder that holds nothing else of ours."""
    folder = Path("somewhere").absolute()
    shutil.copytree(APPS / "foreign", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "train.py"


def only_sweep() -> Path:
    """The one folder that Hydra has made: multirun/<date>/<time>."""
    (sweep,) = Path("multirun").glob("*/*")
    return sweep.absolute()


def test_a_foreign_app_is_searched_and_pruned(program: Path, run_script: RunScript) -> None:
    """With `override hydra/sweeper` alone the study lies in Hydra's own multirun folder, bad trials end early."""
    done = run_script(program, "--multirun")
    assert done.returncode == 0, done.stdout + done.stderr
    sweep = only_sweep()
    trials = assert_exact(sweep, 16)
    pruned = in_state(sweep, TrialState.PRUNED)
    assert pruned
    assert all(len(trial.intermediate_values) < 4 for trial in pruned)
    assert all(len(trial.intermediate_values) == 4 for trial in in_state(sweep, TrialState.COMPLETE))
    assert {Path(trial.user_attrs["directory"]) for trial in trials} == {sweep / str(number) for number in range(16)}
    best = yaml_of(sweep / "optimization_results.yaml")
    assert best["best_value"] == pytest.approx(abs(best["best_params"]["model.learning_rate"] - 0.3))


def test_its_workers_do_not_wait_for_one_another(program: Path, run_script: RunScript) -> None:
    """A slow trial holds nobody up: the first trial ends only after two later ones, with two workers."""
    # It waits for what a third one has written: the other worker has ended two before that.
    done = run_script(program, "--multirun", "hydra/launcher=local_workers", "first_waits_for=3")
    assert done.returncode == 0, done.stdout + done.stderr
    first, *others = assert_exact(only_sweep(), 16)
    assert first.state == TrialState.COMPLETE
    assert sum(end_of(one) < end_of(first) for one in others) >= 2


def test_without_a_sweep_it_is_the_same_program(program: Path, run_script: RunScript) -> None:
    """Outside a sweep `hyperopt_app.report` does nothing and the app trains once."""
    done = run_script(program, "hydra.run.dir=single")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "loss 0.2" in Path("single", "train.log").read_text(encoding="utf-8")
