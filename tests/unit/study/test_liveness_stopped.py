# SPDX-License-Identifier: MIT
"""A worker of this machine that is stopped (SIGSTOP): after a lease it is ended, and then it is dead."""

import dataclasses
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.processes import entries
from hyperopt_app.study.heartbeat import WorkerIdentity
from hyperopt_app.study.liveness import Observer
from tests.unit._made_clock import Clock

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc on this machine")


def _claim(here: WorkerIdentity, **changes: Any) -> dict[str, Any]:
    return dataclasses.replace(here, **changes).as_claim()


def _stop(child: "subprocess.Popen[bytes]") -> None:
    os.kill(child.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)


def test_a_process_that_is_stopped_for_a_lease_is_dead(
    here: WorkerIdentity, child: "subprocess.Popen[bytes]", clock: Clock
) -> None:
    """From when it was first seen stopped; what goes on again has a new lease, and one that only hangs needs none."""
    claim = _claim(here, pid=child.pid, start=entries.start_ticks(child.pid))
    observer = Observer(60.0, clock)
    assert not observer.is_dead(claim, "trial 0")
    clock.now += 1e6
    _stop(child)
    for silence_s in (0, 60):
        clock.now += silence_s
        assert not observer.is_dead(claim, "trial 0")
    os.kill(child.pid, signal.SIGCONT)
    os.waitid(os.P_PID, child.pid, os.WCONTINUED | os.WNOWAIT)
    assert not observer.is_dead(claim, "trial 0")
    _stop(child)
    for silence_s, dead in ((100, False), (60, False), (1, True)):
        clock.now += silence_s
        assert observer.is_dead(claim, "trial 0") is dead


def test_a_stopped_process_is_ended_before_its_trial_is_free(
    here: WorkerIdentity, child: "subprocess.Popen[bytes]", clock: Clock
) -> None:
    """And the loss says why; a claim of another machine, or without a name, has nothing here to end."""
    claim = _claim(here, pid=child.pid, start=entries.start_ticks(child.pid))
    observer = Observer(60.0, clock)
    _stop(child)
    assert not observer.is_dead(claim, "trial 0")
    clock.now += 61
    assert observer.is_dead(claim, "trial 0")
    assert observer.end(_claim(here, machine="elsewhere", pid=child.pid))
    assert observer.end(None)
    assert child.poll() is None
    assert observer.end(claim)
    assert child.wait() == -signal.SIGKILL
    assert "lease_s=60" in observer.cause(claim)


def test_a_stopped_process_of_another_user_keeps_its_trial(
    here: WorkerIdentity,
    child: "subprocess.Popen[bytes]",
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line says so, and what to do; it is not looked at again."""
    claim = _claim(here, pid=child.pid, start=entries.start_ticks(child.pid))
    observer = Observer(60.0, clock)
    _stop(child)
    assert not observer.is_dead(claim, "trial 0")
    clock.now += 61

    def refuse(pid: int, number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", refuse)
        assert observer.is_dead(claim, "trial 0")
        assert not observer.end(claim)
        assert not observer.is_dead(claim, "trial 0")
        clock.now += 1e6
        assert not observer.is_dead(claim, "trial 0")
    (line,) = caplog.messages
    assert f"`kill -CONT {child.pid}`" in line
