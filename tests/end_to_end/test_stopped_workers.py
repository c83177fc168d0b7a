# SPDX-License-Identifier: MIT
"""A worker that is stopped (SIGSTOP) for longer than a lease: its trial goes on elsewhere, and nothing comes late."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.conftest import _environment_of_programs
from tests.end_to_end._signals import processes_at_work
from tests.end_to_end._studies import APPS, assert_exact, trials_of, wait_for

Start = Callable[..., subprocess.Popen[str]]
Run = Callable[..., subprocess.CompletedProcess[str]]

APP = APPS / "stopped" / "app.py"
STUDY = Path("study")
TRIAL = STUDY / "trials" / "0"
# A machine of its own for a worker: the table of processes says nothing of it to the others.
ELSEWHERE = """\
import runpy, socket, sys
socket.gethostname = lambda own=sys.argv[1]: own
at = sys.argv.index("-m") + 1
name, sys.argv[:] = sys.argv[at], sys.argv[at:]
runpy.run_module(name, run_name="__main__", alter_sys=True)
"""


def _first() -> FrozenTrial:
    """Trial 0, in its first process."""
    wait_for("trial 0 in mid-trial", (TRIAL / "first").exists)
    return trials_of(STUDY)[0]


def _is_over(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.fixture
def stopped() -> Iterator[list[int]]:
    """Processes that a test has stopped; none outlives it."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        if not _is_over(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("alone", [True, False], ids=["the worker alone", "all its processes"])
def test_a_stopped_worker_is_ended_and_its_trial_goes_on(start_script: Start, stopped: list[int], alone: bool) -> None:
    """The command ends well; of the worker and its trial nothing is left that might write into the directory."""
    driver = start_script(APP, "--multirun")
    begun = _first()
    everyone = processes_at_work(begun.user_attrs["claim"]["pid"])
    stopped += everyone[:1] if alone else everyone
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    wait_for("a second process of the trial", (TRIAL / "second").exists)
    assert [pid for pid in everyone if not _is_over(pid)] == []
    _output, errors = driver.communicate()
    assert driver.returncode == 0, errors
    trial = assert_exact(STUDY, 3)[0]
    assert (trial.params, trial.intermediate_values) == (begun.params, {0: 1.0, 1: 0.5})
    assert len(trial.user_attrs["losses"]) == 1
    assert not (TRIAL / "late").exists()


def test_a_stopped_trial_of_a_killed_worker_is_ended(start_script: Start, stopped: list[int]) -> None:
    """It cannot see by itself that its worker is gone; it is over before another worker goes on with the trial."""
    start_script(APP, "--multirun")
    everyone = processes_at_work(_first().user_attrs["claim"]["pid"])
    stopped += everyone
    for pid in everyone:
        os.kill(pid, signal.SIGSTOP)
    os.kill(everyone[0], signal.SIGKILL)
    wait_for("a second process of the trial", (TRIAL / "second").exists)
    assert [pid for pid in everyone if not _is_over(pid)] == []


def _worker(command: str, machine: str) -> "subprocess.Popen[bytes]":
    python, *words = shlex.split(command)
    assert python == sys.executable
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    Path("elsewhere.py").write_text(ELSEWHERE)
    everything = [python, "elsewhere.py", machine, *words]
    return subprocess.Popen(everything, env=_environment_of_programs(), start_new_session=True, **streams)


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_what_a_worker_of_another_machine_says_late_is_refused(
    run_script: Run, stopped: list[int], isolation: str
) -> None:
    """Stopped for a lease, it goes on while its trial is another's: its steps and attributes are not in the study."""
    ended = run_script(APP, "--multirun", "hydra/launcher=by_hand", f"hydra.launcher.isolation={isolation}")
    found = re.search(r"^ +(\S.*worker_process.*)$", ended.stdout + ended.stderr, re.MULTILINE)
    assert found is not None, ended.stdout + ended.stderr
    one = _worker(found[1], "one")
    stopped.append(one.pid)
    begun = _first()
    stopped += (those := processes_at_work(begun.user_attrs["claim"]["pid"]))
    for pid in those:
        os.kill(pid, signal.SIGSTOP)
    (TRIAL / "second waits").touch()
    other = _worker(found[1], "other")
    stopped.append(other.pid)
    wait_for("a second process of the trial", (TRIAL / "second").exists)
    (TRIAL / "go").touch()
    for pid in those:
        os.kill(pid, signal.SIGCONT)
    first = int((TRIAL / "first").read_text())
    wait_for("the end of what came late", lambda: (TRIAL / "late").exists() or _is_over(first))
    trial = trials_of(STUDY)[0]
    assert (trial.state, trial.intermediate_values) == (TrialState.RUNNING, {0: 1.0})
    assert "late" not in trial.user_attrs
    (TRIAL / "second may end").touch()
    other.wait()
    trial = assert_exact(STUDY, 3)[0]
    assert (trial.params, trial.intermediate_values) == (begun.params, {0: 1.0, 1: 0.5})
    assert trial.user_attrs["claim"]["host"] == "other"
    one.wait()
