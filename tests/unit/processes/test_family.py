# SPDX-License-Identifier: MIT
"""Ending a process with all that has come from it, and nothing else."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperopt_app.processes.entries import lives, machine, process_lives, start_ticks
from hyperopt_app.processes.family import MARK, end_family, mark_of

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc on this machine")

# Starts a process in a session of its own, says its number, and stays or goes.
PARENT = """\
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=sys.stdin, start_new_session=True)
print(child.pid, flush=True)
if sys.argv[1] == "stays":
    child.wait()
"""

Process = subprocess.Popen[str]


@pytest.fixture
def made() -> Iterator[list[Process]]:
    """What a test starts; killed at the end."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def _parent(made: list[Process], word: str, mark: str = "") -> tuple[Process, int]:
    environment = {**os.environ, MARK: mark}
    pipe = subprocess.PIPE
    made.append(Process([sys.executable, "-c", PARENT, word], stdin=pipe, stdout=pipe, text=True, env=environment))
    assert made[-1].stdout is not None
    return made[-1], int(made[-1].stdout.readline())


def _start(pid: int) -> int:
    start = start_ticks(pid)
    assert start is not None
    return start


def test_what_descends_from_a_process_ends_with_it(made: list[Process]) -> None:
    """Stopped, and in a session of its own."""
    parent, child = _parent(made, "stays")
    for pid in (child, parent.pid):
        os.kill(pid, signal.SIGSTOP)
    assert end_family(parent.pid, _start(parent.pid))
    assert parent.wait() == -signal.SIGKILL
    assert start_ticks(child) is None


def test_what_a_dead_process_has_left_behind_is_known_by_its_mark(made: list[Process]) -> None:
    """Nobody is its parent any more; that of another worker stays."""
    one, other = (_parent(made, "goes", mark_of(number, 7)) for number in (2_000_001, 2_000_002))
    for process, _child in (one, other):
        process.wait()
    assert end_family(2_000_001, 7)
    assert start_ticks(one[1]) is None
    assert start_ticks(other[1]) is not None
    assert end_family(2_000_002, 7)


def test_a_process_with_a_used_number_is_not_struck(made: list[Process]) -> None:
    """Its start time is another."""
    parent, child = _parent(made, "stays")
    assert end_family(parent.pid, _start(parent.pid) - 1)
    assert parent.poll() is None
    assert start_ticks(child) is not None
    assert end_family(parent.pid, _start(parent.pid))


# Its first thread ends, another one goes on: the process table shows a zombie.
LEADER = """\
import ctypes, os, threading
threading.Thread(target=os.read, args=(0, 1)).start()
print(os.getpid(), flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_process_whose_first_thread_has_ended_lives(made: list[Process]) -> None:
    """Until its last thread has: locks and signs of life say the same of it, and it is ended as any other."""
    made.append(Process([sys.executable, "-c", LEADER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    assert made[-1].stdout is not None
    pid = int(made[-1].stdout.readline())
    while _stat_of(pid).split()[0] != "Z":
        pass
    start = _start(pid)
    assert lives(pid, str(start))
    assert process_lives({"machine": machine(), "pid": pid, "start": start})
    assert end_family(pid, start)
    assert not lives(pid, str(start))


def _stat_of(pid: int) -> str:
    """What the process table says of a process, behind its name."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
