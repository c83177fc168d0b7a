# SPDX-License-Identifier: MIT
"""Starts, finds and ends the processes of one private Slurm, and touches no other process.

A process is known by the cluster's folder, never by its name or its number alone: a number in a pid file may be
that of another process by now.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.cluster._files import NODES, ClusterError, Files

MARK = "HYPEROPT_TEST_CLUSTER"  # in the environment of every daemon: the folder of its cluster
PATIENCE_S = 60.0  # for one daemon to come up

# The daemon writes its own number before it becomes the daemon: a killed start leaves none without a pid file.
_DETACHED = 'echo $$ >"$0.new" && mv "$0.new" "$0" && exec "$@"'


def programs_path() -> str:
    """PATH with the folders of the daemons, which not every account has there."""
    return f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"


def start_daemon(files: Files, name: str, *command: object, cwd: Path, **variables: object) -> None:
    """Start a program that outlives this one, in a session of its own; its output goes to `logs/NAME.out`."""
    files.pid_file(name).unlink(missing_ok=True)
    detached = ["setsid", "--fork", "sh", "-c", _DETACHED, files.pid_file(name), *command]
    environment = {"PATH": programs_path(), "LC_ALL": "C", MARK: str(files.folder)}
    environment |= {key: str(value) for key, value in variables.items()}
    with files.output_of(name).open("ab") as output:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        subprocess.run([str(word) for word in detached], check=True, cwd=cwd, env=environment, **streams)
    wait_until(files.pid_file(name).exists, f"{name} to begin", files)


def pid_of(files: Files, name: str) -> int | None:
    """The number of a daemon's process while it runs; None also where a pid file is stale."""
    with suppress(OSError, ValueError):
        pid = int(files.pid_file(name).read_text(encoding="utf-8"))
        _await_exec(pid)
        if _is_daemon(pid, files):
            return pid
    return None


def _await_exec(pid: int, looks: int = 100) -> None:
    """In the moment in which a process becomes another program, it seems to have no environment."""
    for _ in range(looks):
        if _environment(pid) or _parent(pid) is None:
            return
        time.sleep(0.01)


def wait_until(condition: Callable[[], object], what: str, files: Files, daemon: str | None = None) -> None:
    """Wait until a condition holds.

    Args:
        condition: Looked at every 20 ms.
        what: Names it.
        files: Whose logs are shown if it never holds.
        daemon: Gives up at once when this daemon has ended.

    Raises:
        ClusterError: The daemon has ended, or `PATIENCE_S` are over.
    """
    until = time.monotonic() + PATIENCE_S
    while not condition():
        if daemon is not None and pid_of(files, daemon) is None:
            raise ClusterError(f"{daemon} has ended while waiting for {what}\n{files.outputs()}")
        if time.monotonic() > until:
            raise ClusterError(f"waited {PATIENCE_S:g} s in vain for {what}\n{files.outputs()}")
        time.sleep(0.02)


def kill_all(files: Files, node: str | None = None, *, daemons: bool = True) -> None:
    """End every process of the cluster, or of one of its nodes, or only their jobs, without a chance to clean up."""
    until = time.monotonic() + PATIENCE_S
    while pids := members(files, node, daemons=daemons):
        # Stopped first, so that none has a child between the look at its children and its end.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        if time.monotonic() > until:
            raise ClusterError(f"the processes {pids} of {files.folder} do not end")
        time.sleep(0.01)


def members(files: Files, node: str | None = None, *, daemons: bool = True) -> list[int]:
    """The processes of the cluster, or of one of its nodes: daemons, job steps, jobs and all their children."""
    running = list(_running())
    parents = {pid: parent for pid in running if (parent := _parent(pid)) is not None}
    found = {pid for pid in running if _belongs(pid, files, node) and (daemons or not _is_daemon(pid, files))}
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return sorted(found - {os.getpid()})


def _running() -> Iterator[int]:
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            yield int(path.name)


def _belongs(pid: int, files: Files, node: str | None) -> bool:
    # A daemon has the mark. A slurmstepd has overwritten its environment, but works in the spool folder of its node.
    # A job is a slurmstepd's child; where that is dead, the job's environment still names the cluster and the node.
    environment, nodes = _environment(pid), NODES if node is None else (node,)
    if environment.get("SLURM_CONF") == str(files.conf) and "SLURM_JOB_ID" in environment:
        return environment.get("SLURMD_NODENAME") in nodes
    if _directory(pid) in {str(files.spool_of(one)) for one in nodes}:
        return True
    return node is None and _is_daemon(pid, files)


def _is_daemon(pid: int, files: Files) -> bool:
    return _environment(pid).get(MARK) == str(files.folder)


def _environment(pid: int) -> Mapping[str, str]:
    """As the process was given it; empty for one that has ended or is another user's."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
        return dict(line.split("=", 1) for line in text.split("\0") if "=" in line)
    return {}


def _directory(pid: int) -> str | None:
    with suppress(OSError):
        return str(Path(f"/proc/{pid}/cwd").readlink())
    return None


def _parent(pid: int) -> int | None:
    """None for a process that has ended, waited for or not."""
    with suppress(OSError):
        state, parent = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
        return int(parent) if state not in "ZX" else None
    return None
