# SPDX-License-Identifier: MIT
"""Several fits in one trial, by the documented lines: each trains all its epochs, whatever the one before has left."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end._studies import APPS, trials_of

pytest.importorskip("pytorch_lightning")

pytestmark = pytest.mark.timeout(240)
APP = APPS / "folds" / "app.py"
STUDY = Path("study")

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_second_fit_of_a_trial_trains_all_its_epochs(run_script: Run) -> None:
    """With `resume_path()` as it was always written."""
    done = run_script(APP, "--multirun")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [trial.value for trial in trials_of(STUDY)] == [6.0]


@pytest.mark.slow
def test_an_interrupted_fit_with_a_name_goes_on_from_its_checkpoint(run_script: Run) -> None:
    """The second fit, in its second epoch: the first has ended and trains anew, the second trains what is left."""
    assert run_script(APP, "--multirun", "names=true", "interrupted=1").returncode != 0
    done = run_script(APP, "--multirun", "names=true", "interrupted=1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [trial.value for trial in trials_of(STUDY)] == [4.0]
