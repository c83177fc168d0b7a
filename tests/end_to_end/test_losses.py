# SPDX-License-Identifier: MIT
"""What is not a trial's fault costs it nothing: it waits again, and no ticket is spent."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.end_to_end._studies import APPS, trials_of

NO_ROOM = ("disk", "quota", "as_a_cause", "as_a_context", "without_number")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_a_full_disk_or_quota_is_not_the_trials_fault(run_script: Run, isolation: str) -> None:
    """However it reaches us: by its number, as a cause, as a context, or in a library's words without a number."""
    app = APPS / "losses" / "app.py"
    ended = run_script(app, "--multirun", f"what={','.join(NO_ROOM)}", f"hydra.launcher.isolation={isolation}")
    trials = {trial.params["what"]: trial for trial in trials_of(Path("study"))}
    assert {name: trial.user_attrs.get("failure", trial.state.name) for name, trial in trials.items()} == (
        dict.fromkeys(NO_ROOM, "COMPLETE")
    ), ended.stdout + ended.stderr
    assert {trial.value for trial in trials.values()} == {2.0}
    assert {len(trial.user_attrs["losses"]) for trial in trials.values()} == {1}
    assert ended.returncode == 0


def test_a_disk_that_stays_full_fails_the_trial_after_three_losses(run_script: Run) -> None:
    """As other losses do; of the kind `infrastructure`, which no sampler learns from."""
    run_script(APPS / "losses" / "app.py", "--multirun", "what=disk", "always=true")
    (trial,) = trials_of(Path("study"))
    assert (trial.state, trial.user_attrs["failure"]["kind"]) == (TrialState.FAIL, "infrastructure")
    assert "no room" in trial.user_attrs["failure"]["error"]
    assert "No space left on device" in trial.user_attrs["failure"]["error"]
    assert [loss["node"] for loss in trial.user_attrs["losses"]] == ["", "", ""]


@pytest.mark.timeout(180)
def test_a_killed_fork_server_costs_a_trial_nothing(run_script: Run) -> None:
    """While a trial runs, and at its very end, where the next trial finds the server dying: a new one starts."""
    what = "what=server,server_at_the_end"
    ended = run_script(APPS / "losses" / "app.py", "--multirun", what, "+again=1,2", timeout=150)
    logs = "".join(path.read_text() for path in Path("study").glob("workers/*.log"))
    found = [
        (trial.params["what"], trial.user_attrs.get("failure", {"error": trial.state.name})["error"], trial.value)
        for trial in trials_of(Path("study"))
    ]
    assert len(found) == 4
    assert set(found) <= {
        ("server", "COMPLETE", 2.0),
        ("server_at_the_end", "COMPLETE", 1.0),
        ("server_at_the_end", "COMPLETE", 2.0),  # it was still ending when its server was gone
    }, ended.stdout + ended.stderr + logs
    assert ended.returncode == 0
    assert "without imports" not in logs


@pytest.mark.timeout(180)
def test_a_stopped_fork_server_is_not_waited_for(run_script: Run) -> None:
    """It is killed, and a new one starts; what its trial came to counts."""
    ended = run_script(APPS / "losses" / "app.py", "--multirun", "what=stopped_server", "+again=1,2", timeout=150)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    trials = trials_of(Path("study"))
    assert [(trial.state, "losses" in trial.user_attrs) for trial in trials] == [(TrialState.COMPLETE, False)] * 2
