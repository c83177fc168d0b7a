# SPDX-License-Identifier: MIT
"""Check that locks in the study's directory hold between two processes, and between two nodes of a Slurm cluster.

Each process counts up a shared file under a lock; without a lock that holds, counts are lost. They run this module:
`python -m hyperopt_app.doctor.locks FOLDER ROUNDS PROCESSES WAIT_S`.
"""

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hyperopt_app.doctor.check_result import CheckResult, ok
from hyperopt_app.processes.python_start import module_words, python_path
from hyperopt_app.support.files import replace_text
from hyperopt_app.support.lock_file import HolderLock

__all__ = ["count_up", "lock_results", "node_lock_results"]

_COUNTER = "counter"
_ROUNDS = 50
_PROCESSES = 2
# Seconds for which the processes wait for each other, and for which all of it may take.
_WAIT_S = 20.0
_LONGEST_S = 120.0
# The same between nodes, where two have to become free first.
_LONGEST_QUEUE_S = 300.0
# Fields of the launcher that say which nodes workers get -> options of srun.
_WHERE = {"partition": "--partition", "account": "--account", "qos": "--qos", "constraint": "--constraint"}


def lock_results(directory: Path, scratch: Path) -> list[CheckResult]:
    """Let two processes of this machine count under one lock.

    Args:
        directory: The study's directory, for messages.
        scratch: A folder on its filesystem.
    """
    folder = scratch / "processes"
    folder.mkdir()
    words = _counting(folder, _WAIT_S)
    running = [_started(words) for _ in range(_PROCESSES)]
    try:
        errors = [program.communicate(timeout=_LONGEST_S)[1] for program in running]
    except subprocess.TimeoutExpired:
        return [_lock_fault("locks", f"two processes did not end within {_LONGEST_S:g} s", directory)]
    finally:
        _end_all(running)
    if any(program.returncode for program in running):
        return [_lock_fault("locks", f"a process failed: {_last_line(max(errors, key=len))}", directory)]
    return [_judged("locks", "two processes", folder, directory)]


def node_lock_results(
    settings: Mapping[str, Any], directory: Path, scratch: Path, wait_s: float = _WAIT_S
) -> list[CheckResult]:
    """Let one process on each of two nodes count under one lock, started by srun.

    Args:
        settings: The fields of the launcher `slurm_workers`.
        directory: The study's directory, for messages.
        scratch: A folder on its filesystem.
        wait_s: For how many seconds the processes wait for each other once they run.
    """
    folder = scratch / "nodes"
    folder.mkdir()
    where = [f"{option}={settings[field]}" for field, option in _WHERE.items() if settings.get(field)]
    nodes = [f"--nodes={_PROCESSES}", f"--ntasks={_PROCESSES}", "--ntasks-per-node=1", "--time=5"]
    words = ["srun", *nodes, *where, *_counting(folder, wait_s)]
    try:
        done = subprocess.run(
            words, env=_environment(), capture_output=True, text=True, timeout=_LONGEST_QUEUE_S, check=False
        )
    except FileNotFoundError:
        return [CheckResult("nodes", "fault", "srun was not found", "run this on a machine with Slurm")]
    except subprocess.TimeoutExpired:
        text = f"no two nodes had counted within {_LONGEST_QUEUE_S:g} s, so nothing is known of locks between nodes"
        return [CheckResult("nodes", "warning", text, "try again when nodes are free")]
    if done.returncode:
        return [_lock_fault("nodes", f"srun failed: {_last_line(done.stderr)}", directory)]
    return [_judged("nodes", "processes on two nodes", folder, directory)]


def count_up(folder: Path, rounds: int, processes: int, wait_s: float) -> None:
    """Wait until all processes have come, then count.

    Args:
        folder: On the filesystem that is tested; it exists.
        rounds: How often this process adds 1.
        processes: How many count together.
        wait_s: For how many seconds the others are waited for; then it counts without them.
    """
    name = f"here-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}"
    replace_text(folder / name, "")
    end = time.monotonic() + wait_s
    while len(list(folder.glob("here-*"))) < processes and time.monotonic() < end:
        time.sleep(0.02)
    counter = folder / _COUNTER
    for _ in range(rounds):
        with HolderLock(counter):
            before = int(counter.read_text(encoding="utf-8")) if counter.exists() else 0
            replace_text(counter, str(before + 1))


def _counting(folder: Path, wait_s: float) -> list[str]:
    words = module_words("hyperopt_app.doctor.locks")
    return [sys.executable, *words, str(folder), str(_ROUNDS), str(_PROCESSES), str(wait_s)]


def _started(words: Sequence[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(words, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _environment() -> dict[str, str]:
    return {**os.environ, **python_path()}


def _end_all(running: Sequence["subprocess.Popen[str]"]) -> None:
    for program in running:
        if program.poll() is None:
            program.kill()
            program.communicate()


def _judged(check: str, who: str, folder: Path, directory: Path) -> CheckResult:
    counter, wanted = folder / _COUNTER, _ROUNDS * _PROCESSES
    count = int(counter.read_text(encoding="utf-8")) if counter.exists() else 0
    if count == wanted:
        return ok(check, f"{who} counted to {wanted} under one lock, and no count was lost")
    return _lock_fault(check, f"{who} counted to {count} instead of {wanted} under one lock", directory)


def _lock_fault(check: str, what: str, directory: Path) -> CheckResult:
    remedy = (
        f"{directory} must be on a filesystem that all workers share and that makes files exclusively; "
        "set hydra.sweep.dir to such a directory"
    )
    return CheckResult(check, "fault", what, remedy)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason"


if __name__ == "__main__":
    count_up(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
