# SPDX-License-Identifier: MIT
"""Ending a program's group: with a signal, by force after the grace time, and what has left the group."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperopt_app.processes import groups
from hyperopt_app.processes.entries import start_ticks
from hyperopt_app.processes.groups import DIRECTORY, ProgramGroup, end_marked

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc on this machine")

Process = subprocess.Popen[str]


@pytest.fixture
def started() -> Iterator[list[Process]]:
    """What a test starts; killed at the end."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _group(started: list[Process], script: str, grace_s: float = 30.0) -> ProgramGroup:
    """A shell in a group of its own that has written a line before this returns."""
    directory = str(Path.cwd())
    process = Process(
        ["bash", "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, DIRECTORY: directory},
    )
    started.append(process)
    assert process.stdout is not None
    process.stdout.readline()
    return ProgramGroup(process.pid, start_ticks(process.pid), directory, grace_s)


def _marked() -> list[int]:
    mark = f"{DIRECTORY}={Path.cwd()}".encode()
    pids = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes():
                pids.append(int(path.parent.name))
        except OSError:
            continue
    return pids


def test_a_signal_reaches_the_whole_group(started: list[Process]) -> None:
    """The shell's child too; nobody waits for a grace time of 1000 s once all have ended."""
    group = _group(started, "trap 'echo got; exit 3' TERM; sleep 1000 & echo ready; wait", grace_s=1000.0)
    group.end()
    assert group.is_empty
    assert started[0].communicate()[0] == "got\n"
    assert started[0].returncode == 3
    assert _marked() == []


def test_what_does_not_listen_is_killed(started: list[Process]) -> None:
    """After the grace time."""
    group = _group(started, "trap '' TERM; echo ready; while true; do sleep 0.05; done", grace_s=0.2)
    group.end()
    assert started[0].wait() == -signal.SIGKILL
    assert group.is_empty
    assert _marked() == []


def test_a_session_of_its_own_is_no_way_out(started: list[Process]) -> None:
    """Processes that have left the group carry the trial's directory in their environment."""
    group = _group(started, "setsid sleep 1000 & echo ready; wait")
    group.end()
    assert _marked() == []


def test_a_group_that_has_ended_is_left_alone(started: list[Process]) -> None:
    """Also if its number has been given to a process of a stranger."""
    group = _group(started, "echo ready; exec sleep 1000")
    other = ProgramGroup(group.pid, -1, "/elsewhere", 0.1)
    assert other.is_empty
    other.end()
    assert not group.is_empty
    started[0].kill()
    started[0].wait()
    assert group.is_empty
    group.end_rest()


def test_a_zombie_is_not_waited_for(started: list[Process]) -> None:
    """Whoever has started the program may reap it late."""
    group = _group(started, "echo ready; exec sleep 1000")
    group.end()
    assert group.is_empty
    assert started[0].returncode is None


def test_the_caller_survives(started: list[Process], monkeypatch: pytest.MonkeyPatch) -> None:
    """A search may itself run in a program of a trial: what it ends is what carries the other directory."""
    group = _group(started, "echo ready; exec sleep 1000")
    end_marked(group.directory)
    assert started[0].wait() == -signal.SIGKILL
    assert _marked() == []


def test_one_look_that_finds_nothing_is_not_enough(started: list[Process], monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that turns into another program at that moment has no environment; it is over when this returns."""
    group = _group(started, "echo ready; exec sleep 1000")
    found, looks = groups._marked, 0

    def look(variable: bytes) -> list[int]:
        nonlocal looks
        looks += 1
        return [] if looks == 1 else found(variable)

    monkeypatch.setattr(groups, "_marked", look)
    end_marked(group.directory)
    assert looks >= 3
    assert start_ticks(group.pid) is None
