# SPDX-License-Identifier: MIT
"""Whatever a trial does to its process: it ends with the right kind, and the worker and the other trials go on."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.end_to_end._studies import APPS, Family, trials_of

KINDS = {
    "memory": "oom",
    "cuda": "oom",
    "segfault": "bug",
    "os_exit": "bug",
    "sys_exit": "bug",
    "endless": "timeout",
    "diverges": "diverged",
}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.slow
def test_every_way_to_crash_ends_its_own_trial_alone(run_script: Run) -> None:
    """One worker runs all of them; what was killed from outside is tried again, three times at most."""
    ended = run_script(APPS / "crashes" / "app.py", "--multirun", env={"MARK": "isolation-test"})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    trials = {trial.params["ending"]: trial for trial in trials_of(Path("study"))}
    assert len(trials) == 9
    assert {trial.user_attrs["claim"]["pid"] for trial in trials.values()} == {
        trials["fine"].user_attrs["claim"]["pid"]
    }, "the worker was another one after a crash"
    fine = trials["fine"]
    assert (fine.state, fine.value, fine.params["own"]) == (TrialState.COMPLETE, 0.25, 2.0)
    assert fine.intermediate_values == {0: 0.5}
    assert fine.user_attrs["pid"] != fine.user_attrs["claim"]["pid"]
    kinds = {name: trials[name].user_attrs["failure"]["kind"] for name in KINDS}
    assert kinds == KINDS
    killed = trials["killed"]
    if killed.user_attrs["failure"]["kind"] == "infrastructure":
        assert len(killed.user_attrs["losses"]) == 3
    else:  # a kernel that does not count what it kills
        assert killed.user_attrs["failure"]["kind"] == "oom"
    assert "SIGSEGV" in trials["segfault"].user_attrs["failure"]["error"]
    assert "exit code 9" in trials["os_exit"].user_attrs["failure"]["error"]
    assert f"a line of trial {fine.number}" in Path("study/workers/0.log").read_text()
    assert Family("MARK=isolation-test").is_gone()
