# SPDX-License-Identifier: MIT
"""What a trial's own process prepares for its ranks."""

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperopt_app.ranks.surroundings import threads_per_rank
from hyperopt_app.schedulers.gpu_slots import WORKERS_HERE

Run = Callable[..., subprocess.CompletedProcess[str]]

PROGRAM = """
import os, sys, socket
from hyperopt_app.ranks.surroundings import prepare
prepare("an address")
names = ("HYPEROPT_RANKS", "MASTER_ADDR", "LOCAL_RANK", "WORLD_SIZE", "SLURM_JOB_NAME", "OMP_NUM_THREADS")
print(*(os.environ.get(name) for name in names), sys.modules["__main__"].__spec__.name)
port = int(os.environ["MASTER_PORT"])
prepare("an address")
assert int(os.environ["MASTER_PORT"]) == port
for shares, can in ((True, True), (False, False)):
    with socket.socket() as other:
        if shares:  # as torch does
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("", port))
            other.listen()
        except OSError:
            assert not can
        else:
            assert can
"""


def test_a_trial_is_a_launch_of_its_own(run_script: Run) -> None:
    """Nothing of the launch that has started its worker is left, and its port is its ranks' alone."""
    Path("program.py").write_text(PROGRAM)
    outer = {"LOCAL_RANK": "0", "WORLD_SIZE": "8", "SLURM_NTASKS": "1", "SLURM_JOB_NAME": "study"}
    own = {"HYPEROPT_GPUS_PER_TRIAL": "1000"}
    ended = run_script("program.py", env={**outer, **own})
    assert ended.stdout.split() == [
        *("an", "address", "127.0.0.1", "None", "None", "interactive", "1", "hyperopt_app.rank_process")
    ], ended.stderr


def test_a_trial_on_one_gpu_keeps_its_threads(run_script: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside Slurm no name of a job is set either; what the user has set stays."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    Path("program.py").write_text(PROGRAM)
    assert run_script("program.py").stdout.split()[5:7] == ["None", "None"]
    own = {"HYPEROPT_GPUS_PER_TRIAL": "2", "OMP_NUM_THREADS": "7"}
    assert run_script("program.py", env=own).stdout.split()[6] == "7"


def test_a_trial_over_nodes_is_rank_zero(run_script: Run) -> None:
    """Training frameworks start no ranks then; nodes reach it by this one's name, and ranks share its CPUs."""
    Path("program.py").write_text(PROGRAM)
    nodes = {"HYPEROPT_NODES_PER_TRIAL": "2", "HYPEROPT_RANKS_PER_NODE": "1000", "SLURM_NTASKS": "1"}
    ended = run_script("program.py", env=nodes)
    assert ended.stdout.split()[2:7] == [socket.gethostname(), "0", "2000", "interactive", "1"], ended.stderr


def test_ranks_share_the_cpus_of_their_workers_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gets a whole number of threads, at least one."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(16)))
    assert threads_per_rank(2) == 8
    monkeypatch.setenv(WORKERS_HERE, "4")
    assert threads_per_rank(2) == 2
    assert threads_per_rank(64) == 1
    monkeypatch.setenv(WORKERS_HERE, "many")
    assert threads_per_rank(1) == 16


def test_ports_of_this_machine_can_be_reserved() -> None:
    """A bound socket that is later marked as shared keeps others away that do not share."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("", 0))
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            second.bind(first.getsockname())
