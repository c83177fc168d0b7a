# SPDX-License-Identifier: MIT
"""A training that is interrupted in the middle of an epoch ends with the weights of one that never was, bit for bit."""

import importlib.util
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.end_to_end._studies import APPS, Family, trials_of, wait_for

pytest.importorskip("torch")

APP = APPS / "interrupted" / "app.py"
STUDY = Path("study")
SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM}

Start = Callable[..., subprocess.Popen[str]]


def _waiting(done: set[int]) -> FrozenTrial | None:
    waiting = [trial for trial in trials_of(STUDY) if (STUDY / "trials" / str(trial.number) / "waits").exists()]
    return next((trial for trial in waiting if trial.number not in done), None)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "framework",
    [
        "torch",
        pytest.param("keras", marks=[pytest.mark.slow, pytest.mark.nightly]),
        pytest.param("lightning", marks=[pytest.mark.slow, pytest.mark.nightly]),
    ],
)
def test_the_epoch_in_progress_is_repeated(framework: str, start_script: Start, family: Family) -> None:
    """Its worker gets SIGKILL or SIGTERM in the third of four epochs; the second attempt begins with that epoch."""
    if framework == "keras" and importlib.util.find_spec("keras") is None:
        pytest.skip("Keras is not installed")
    home = {"KERAS_BACKEND": "torch", "KERAS_HOME": tempfile.mkdtemp()}
    driver = start_script(APP, "--multirun", f"framework={framework}", "seed=7", env=home)
    done: set[int] = set()
    for _ in SIGNALS:
        trial = wait_for("a trial in the middle of its third epoch", partial(_waiting, done), patience_s=60)
        done.add(trial.number)
        os.kill(trial.user_attrs["claim"]["pid"], SIGNALS[trial.params["interrupted"]])
    output, errors = driver.communicate(timeout=90)
    assert driver.returncode == 0, output + errors
    trials = {trial.params["interrupted"]: trial for trial in trials_of(STUDY)}
    weights, epochs = dict[str, bytes](), dict[str, list[int]]()
    for name, trial in trials.items():
        assert trial.state == TrialState.COMPLETE, (name, trial.user_attrs)
        directory = STUDY / "trials" / str(trial.number)
        weights[name] = (directory / "weights.bin").read_bytes()
        epochs[name] = [int(line) for line in (directory / "begun.txt").read_text().split()]
        assert trial.intermediate_values == trials["none"].intermediate_values
        assert trial.values == trials["none"].values
    assert epochs == {"none": [1, 2, 3, 4], "kill": [1, 2, 3, 3, 4], "term": [1, 2, 3, 3, 4]}
    assert weights["kill"] == weights["none"], "killed"
    assert weights["term"] == weights["none"], "terminated"
    wait_for("the end of every process", family.is_gone)
