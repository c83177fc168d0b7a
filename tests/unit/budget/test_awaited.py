# SPDX-License-Identifier: MIT
"""What is told of trials that a command waits for."""

import os
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from hyperopt_app.budget.awaited import Awaited
from hyperopt_app.study.heartbeat import this_worker


def running(number: int, claim: dict[str, Any] | None) -> FrozenTrial:
    """A running trial with a claim."""
    trial = create_trial(state=TrialState.RUNNING, user_attrs={} if claim is None else {"claim": claim})
    trial.number = number
    return trial


def test_each_wait_is_told_once_until_the_trial_changes_hands(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of nobody, of a machine that cannot be asked, of a worker at work here; however often one looks."""
    awaited, here = Awaited(60.0), this_worker(2, tmp_path).as_claim()
    for claim in (None, {**here, "host": "far", "machine": "elsewhere", "pid": 4711}, here):
        for _ in range(5):
            awaited.look([running(7, claim)])
    begins = "waiting for trial 7, which"
    assert caplog.messages == [
        f"{begins} no worker of hyperopt_app holds (maybe of another program); it is freed after 60 s without a report",
        f"{begins} worker 2 on far holds (process 4711); it is freed after 60 s without a sign of life",
        f"{begins} worker 2 on {here['host']} trains (process {os.getpid()})",
    ]


def test_what_passes_is_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A trial that is nameless for a moment at each look, as one is that is just being taken; and a dead worker's."""
    awaited, here = Awaited(60.0), this_worker(2, tmp_path).as_claim()
    for number in range(9):
        awaited.look([running(number, None), running(20, {**here, "start": here["start"] - 1})])
    assert caplog.messages == []
