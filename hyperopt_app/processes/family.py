# SPDX-License-Identifier: MIT
"""Kill a process with everything that descends from it, and tell whether a process is stopped (SIGSTOP, Ctrl-Z).

A process is identified by its number and its start time, so a process that reuses the number is never killed.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hyperopt_app.processes.entries import entry_of

__all__ = ["MARK", "end_family", "mark_of", "stopped_at"]

# The environment variable by which the server of a worker's trials, and what it forks, is known when that worker is
# dead and nobody is its parent any more.
MARK = "HYPEROPT_WORKER_PROCESS"

_POLL_S = 0.01
# A killed process that waits for a disk is over later; somebody will look again.
_PATIENCE_S = 2.0


@dataclass(frozen=True)
class _Member:
    """One entry of the process table; equal if it is the same process."""

    pid: int
    start: int
    state: str = field(compare=False)
    is_over: bool = field(compare=False)
    parent: int = field(compare=False)
    cpu_ticks: int = field(compare=False)


def mark_of(pid: int, start: int) -> str:
    """Return the value of MARK in the environment of a worker's descendants."""
    return f"{pid}.{start}"


def stopped_at(pid: int, start: int) -> int | None:
    """Return the CPU ticks of a stopped process (SIGSTOP, Ctrl-Z); None if it is not stopped, or unknown.

    With equal ticks it has hardly run in between.
    """
    member = _member(pid)
    return member.cpu_ticks if member is not None and member.start == start and member.state == "T" else None


def end_family(pid: int, start: int) -> bool:
    """Kill a process, if it exists, and everything that descends from it or carries its mark.

    Returns:
        Whether nothing is left of them that this user may kill.

    Raises:
        PermissionError: The process itself is another user's; nothing was killed.
    """
    until = time.monotonic() + _PATIENCE_S
    refused: set[_Member] = set()
    while family := sorted(_family(pid, start) - refused, key=lambda member: member.pid != pid):
        for member in family:
            try:
                _kill(member)
            except PermissionError:
                if member.pid == pid:
                    raise
                refused.add(member)
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_S)
    return True


def _family(pid: int, start: int) -> set[_Member]:
    table = {member.pid: member for member in _table()}
    pids = {number for number in table if _is_marked(number, mark_of(pid, start))}
    if pid in table and table[pid].start == start:
        pids.add(pid)
    more = pids
    while more:
        more = {number for number, member in table.items() if member.parent in more} - pids
        pids = pids | more
    # Whoever looks is not part of it, and a zombie has nothing left to end.
    return {table[number] for number in pids if number != os.getpid() and not table[number].is_over}


def _table() -> Iterator[_Member]:
    numbers = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return (member for number in numbers if (member := _member(number)) is not None)


def _member(pid: int) -> _Member | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # proc(5): behind the name in parentheses come the fields from the third on.
    fields = text.rpartition(")")[2].split()
    cpu_ticks = int(fields[11]) + int(fields[12])
    return _Member(pid, int(fields[19]), fields[0], entry_of(text).is_over, int(fields[1]), cpu_ticks)


def _is_marked(pid: int, mark: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # over meanwhile, or another user's
        return False
    return f"{MARK}={mark}".encode() in environment.split(b"\0")


def _kill(member: _Member) -> None:
    now = _member(member.pid)
    if now is not None and now.start == member.start:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member.pid, signal.SIGKILL)
