# SPDX-License-Identifier: MIT
"""Processes of this machine: which machine it is, and whether a process still runs."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["machine", "process_entry", "process_lives", "read_text", "start_ticks"]


def machine() -> str:
    """The name of this boot of this host and of its table of processes; equal for processes that share the table."""
    boot = read_text(Path("/proc/sys/kernel/random/boot_id")) or "unknown boot"
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = "unknown namespace"
    return f"{socket.gethostname()} {boot.strip()} {namespace}"


def start_ticks(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat; None if there is no such process (or no /proc)."""
    text = read_text(Path(f"/proc/{pid}/stat"))
    if text is None:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])


def read_text(path: Path) -> str | None:
    """The text of a file, None if it cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return None


def process_lives(claim: Mapping[str, Any]) -> bool | None:
    """Whether the claim's process runs on this machine; None if it belongs to another machine."""
    if claim.get("machine") != machine():
        return None
    if Path("/proc/self/stat").exists():
        return start_ticks(int(claim["pid"])) == int(claim["start"])
    try:
        os.kill(claim["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class ProcessEntry(NamedTuple):
    """What the table of processes says of one: whether it runs nothing any more, and when it started, in ticks."""

    is_over: bool
    started: str


def process_entry(pid: int) -> ProcessEntry | None:
    """What /proc says of a process; None if it says nothing."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # proc(5): behind the name in parentheses come the third field (state) and the following ones. A process
    # that is killed while one of its threads still writes is a zombie with more than one thread.
    fields = text.rpartition(")")[2].split()
    state, threads, started = fields[0], int(fields[17]), fields[19]
    return ProcessEntry(is_over=state in "ZX" and threads <= 1, started=started)
