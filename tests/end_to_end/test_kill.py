# SPDX-License-Identifier: MIT
"""The budget is exact whoever dies: workers killed in mid-trial, the driver killed, and many workers that race."""

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from tests.end_to_end._studies import APPS, Family, assert_exact, ended, in_state, trials_of, wait_for

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]

SPHERE = Path("studies", "sphere")


def test_two_killed_workers_cost_no_trial(start_app: Start) -> None:
    """Two workers of a 40-trial study are killed in mid-trial: 40 finished trials, none running, numbers 0 to 39."""
    options = ("hydra.sweeper.n_trials=40", "hydra.sweeper.n_jobs=4", "sleep=0.2")
    driver = start_app("--multirun", "hparams=sphere", *options)
    wait_for("a worker's first finished trial", lambda: ended(SPHERE))
    first = wait_for("a worker in mid-trial", _kill_one)
    second = wait_for("another one", lambda: _kill_one(first.user_attrs["claim"]["pid"]))
    output, errors = driver.communicate()
    assert driver.returncode == 0, output + errors
    trials = assert_exact(SPHERE, 40)
    for victim in (first, second):
        # The trial went on under its number and with its parameters, in other hands.
        continued = trials[victim.number]
        assert continued.params == victim.params
        assert continued.user_attrs["claim"]["worker"] != victim.user_attrs["claim"]["worker"]
    assert (output + errors).count("died (killed by SIGKILL)") == 2
    assert "Error executing job" not in errors


def _kill_one(but_not: int = 0) -> FrozenTrial | None:
    """Kill the worker of a running trial; None if none was caught in mid-trial."""
    for seen in in_state(SPHERE, TrialState.RUNNING):
        claim = seen.user_attrs.get("claim")
        if claim is None or claim["pid"] == but_not or len(seen.params) < 3:
            continue
        # Stopped first: so the trial cannot end between the look and the kill.
        with suppress(ProcessLookupError):
            os.kill(claim["pid"], signal.SIGSTOP)
            now = trials_of(SPHERE)[seen.number]
            is_in_mid_trial = now.state == TrialState.RUNNING and now.user_attrs.get("claim") == claim
            os.kill(claim["pid"], signal.SIGKILL if is_in_mid_trial else signal.SIGCONT)
            if is_in_mid_trial:
                return now
    return None


def test_workers_end_with_a_killed_driver_and_the_same_command_goes_on(
    start_app: Start, run_app: Run, family: Family
) -> None:
    """When the driver is killed its local workers give their trials back and end; the rest runs next time."""
    command = ("--multirun", "hparams=sphere", "sleep=1.5", "hydra.sweeper.n_trials=4")
    driver = start_app(*command)
    wait_for("two trials under way", lambda: len(in_state(SPHERE, TrialState.RUNNING)) == 2)
    driver.kill()
    wait_for("the end of the workers", family.is_gone)
    assert in_state(SPHERE, TrialState.RUNNING) == []
    assert len(ended(SPHERE)) < 4
    done = run_app(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_exact(SPHERE, 4)


def test_two_commands_at_once_share_one_budget(start_app: Start) -> None:
    """The same command, given twice at the same time: both end well, and together they have made the study once."""
    command = ("--multirun", "hparams=sphere", "hydra/launcher=basic", "sleep=0.1", "hydra.sweeper.n_trials=12")
    drivers = [start_app(*command) for _ in range(2)]
    outputs = [driver.communicate() for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0, 0], outputs
    assert_exact(SPHERE, 12)


def test_eight_racing_workers_keep_the_budget(run_script: Run) -> None:
    """Eight workers, all at work before the first trial ends, and a budget of 100 empty trials: exactly 100."""
    options = ("workers=8", "hydra.sweeper.n_trials=100")
    done = run_script(APPS / "rendezvous" / "app.py", "--multirun", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    trials = assert_exact(Path("study"), 100)
    assert {trial.user_attrs["claim"]["number"] for trial in trials} == set(range(8))
