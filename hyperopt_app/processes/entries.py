# SPDX-License-Identifier: MIT
"""Tell whether a process of this machine still runs, by its entry in /proc, and identify the machine."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    "ProcessEntry",
    "entry_of",
    "lives",
    "machine",
    "process_entry",
    "process_lives",
    "start_ticks",
    "started_at",
]


def machine() -> str:
    """Identify this boot of this host and its process table; equal for processes that share the table."""
    boot = _read_text(Path("/proc/sys/kernel/random/boot_id")) or "unknown boot"
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = "unknown namespace"
    return f"{socket.gethostname()} {boot.strip()} {namespace}"


def start_ticks(pid: int) -> int | None:
    """When a process started, in ticks since boot; None if it has ended, or without /proc."""
    entry = process_entry(pid)
    return None if entry is None or entry.is_over else int(entry.started)


def started_at(pid: int) -> float | None:
    """When a process started, in seconds since the epoch; None if it has ended, or without /proc."""
    ticks = start_ticks(pid)
    if ticks is None:
        return None
    return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))


def _read_text(path: Path) -> str | None:
    """The text of a file, None if it cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return None


def process_lives(claim: Mapping[str, Any]) -> bool | None:
    """Whether the process that made a claim still runs on this machine; None if it is on another machine."""
    return None if claim.get("machine") != machine() else lives(int(claim["pid"]), str(claim["start"]))


def lives(pid: int, started: str) -> bool:
    """Whether a process of this machine still runs; all other code asks this function.

    Args:
        pid: Its number, which another process may have got since.
        started: When it started, as /proc tells it; not looked at where that tells nothing.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's process lives, even where /proc hides it
    entry = process_entry(pid)
    return entry is None or (not entry.is_over and entry.started == started)


class ProcessEntry(NamedTuple):
    """A process as /proc describes it: whether it has ended, and its start time in ticks."""

    is_over: bool
    started: str


def process_entry(pid: int) -> ProcessEntry | None:
    """Read a process's entry in /proc; None if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return entry_of(text)


def entry_of(text: str) -> ProcessEntry:
    """Parse the line of a process's /proc/PID/stat."""
    # proc(5): behind the name in parentheses come the third field (state) and the following ones. A process
    # that is killed while one of its threads still writes is a zombie with more than one thread.
    fields = text.rpartition(")")[2].split()
    return ProcessEntry(is_over=fields[0] in "ZX" and int(fields[17]) <= 1, started=fields[19])
