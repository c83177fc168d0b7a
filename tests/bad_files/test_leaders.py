# SPDX-License-Identifier: MIT
"""A worker whose first thread has ended while another one still writes."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bad_files._cases import Case, assert_outcome
from tests.bad_files._commands import Commands

# The process table shows such a process as a zombie.
_LEADER = """
import ctypes, os, threading, time
def stay():
    print(os.getpid(), open(f"/proc/{os.getpid()}/stat").read().rpartition(")")[2].split()[19], flush=True)
    time.sleep(600)
threading.Thread(target=stay).start()
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.fixture
def leader() -> Iterator[tuple[int, int]]:
    """Number and start time of such a process."""
    process = subprocess.Popen([sys.executable, "-c", _LEADER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid, start = process.stdout.readline().split()
    while Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z":
        pass
    yield int(pid), int(start)
    process.kill()
    process.communicate()


def test_a_worker_with_a_living_thread_lives(commands: Commands, made: Path, leader: tuple[int, int]) -> None:
    """Its trial must not be another's yet; the lock files have judged so before, and the signs of life not."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    machine = f"{socket.gethostname()} {boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - no file's path
    path = Path.cwd() / "s" / "workers" / "9.json"
    beat = {"worker": "9-x", "number": 9, "host": "here", "machine": machine, "pid": leader[0], "start": leader[1]}

    def plant(_here: Path) -> None:
        path.write_text(json.dumps({**beat, "beat": str(path), "place": {}, "label": "", "count": 0}), encoding="utf-8")

    answer = assert_outcome(
        Case(("status", "s"), plant, accepted="a look changes nothing", beside_a_study=True), commands, made
    )
    assert re.search(r"^. +9 +here +idle ", answer.out, re.MULTILINE), answer.out
