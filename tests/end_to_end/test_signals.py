# SPDX-License-Identifier: MIT
"""A trial that ends because its job is told to end is interrupted, whatever its objective makes of the signal."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence

import pytest
from optuna.trial import TrialState

from tests.end_to_end._signals import (
    APP,
    KINDS,
    STUDY,
    TRIAL,
    assert_waits,
    assert_went_on,
    processes_at_work,
    trial_at_work,
)
from tests.end_to_end._studies import trials_of, wait_for

Start = Callable[..., subprocess.Popen[str]]
Run = Callable[..., subprocess.CompletedProcess[str]]


def _reversed(pids: Sequence[int]) -> Sequence[int]:
    return pids[::-1]


def _terminated(start_script: Start, kind: str, order: Callable[[Sequence[int]], Sequence[int]]) -> None:
    """Send SIGTERM to all processes of a worker with one `kill`, and wait until its trial is nobody's."""
    driver = start_script(APP, "--multirun", f"kind='{kind}'")
    begun = trial_at_work()
    os.kill(driver.pid, signal.SIGSTOP)  # it would start another worker at once
    everyone = order(processes_at_work(begun.user_attrs["claim"]["pid"]))
    assert len(everyone) >= 3
    subprocess.run(["/bin/kill", "-TERM", *map(str, everyone)], check=True)
    (trial,) = wait_for("the end of the trial", lambda: [t for t in trials_of(STUDY) if t.state != TrialState.RUNNING])
    assert_waits(trial)
    os.killpg(driver.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "order",
    [pytest.param(list, marks=[pytest.mark.slow, pytest.mark.nightly]), _reversed],
    ids=["worker first", "trial first"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_terminated_job_interrupts_its_trial(
    start_script: Start, run_script: Run, kind: str, order: Callable[[Sequence[int]], Sequence[int]]
) -> None:
    """SIGTERM to worker, fork server and trial: the trial waits, and the same command continues its checkpoint."""
    _terminated(start_script, kind, order)
    (waiting,) = trials_of(STUDY)
    again = run_script(APP, "--multirun", f"kind='{kind}'")
    assert again.returncode == 0, again.stdout + again.stderr
    assert_went_on(waiting)


def test_a_trial_that_completes_in_its_grace_is_complete(start_script: Start) -> None:
    """The worker was told to end, and the trial, which leaves the signal to it, comes to its end all the same."""
    start_script(APP, "--multirun", "kind=finish", "hydra.launcher.grace_s=600")
    everyone = processes_at_work(trial_at_work().user_attrs["claim"]["pid"])
    subprocess.run(["/bin/kill", "-TERM", *map(str, everyone)], check=True)
    (TRIAL / "go").touch()
    (trial,) = wait_for("the end of the trial", lambda: [t for t in trials_of(STUDY) if t.state != TrialState.RUNNING])
    assert (trial.state, trial.value) == (TrialState.COMPLETE, 1.0)
