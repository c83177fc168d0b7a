# SPDX-License-Identifier: MIT
"""Trials on two ranks in jobs of a real Slurm: on one node, whatever starts the ranks, and on two, by `srun`."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.cluster.slurm import Cluster
from tests.end_to_end._ranks_matrix import (
    STUDY,
    TIMES,
    WAYS,
    are_at_the_gate,
    assert_deaths,
    assert_interrupted,
    assert_matrix,
    deaths_of,
    matrix_of,
    open_gate,
    open_road,
    times,
)
from tests.end_to_end._studies import APPS, trials_of

APP = APPS / "ranks" / "app.py"
Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., "subprocess.Popen[str]"]

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1800)]

SLURM = ("--multirun", "hydra/launcher=slurm_workers")
# A job of two nodes with a rank on each, for torch and for Lightning.
NODES = ("hydra.launcher.nodes_per_trial=2", 'hydra.launcher.srun_args=["--comment=of worker and ranks"]')
ON_NODES = ("launcher", "ddp_nodes")
# They obey Slurm's SIGTERM at once, so that the epoch in the making may begin anew.
REPEATS = {"torchrun": 1, **dict.fromkeys(ON_NODES, 1)}
CASES = [*times(WAYS, "one node "), *times(ON_NODES, "two nodes ")]


@pytest.mark.parametrize(("ways", "time"), CASES)
def test_each_way_in_jobs(slurm_cluster: Cluster, start_script: Start, ways: Sequence[str], time: int) -> None:
    """Preempted at once, pruned and of a dead rank: all ranks together, and no epoch is left out.

    A job of higher priority takes all nodes, so every job goes back into the queue; afterwards the same jobs go on, and
    nothing is requeued by Lightning.
    """
    assert time < TIMES
    more = NODES if ways == ON_NODES else ()
    jobs = (f"hydra.sweeper.n_jobs={len(ways)}", "hydra.launcher.partition=low")
    first = start_script(APP, *SLURM, *matrix_of(ways), *more, *jobs)
    slurm_cluster.wait_until(lambda: are_at_the_gate(ways) or first.poll() is not None, 600.0)
    other = slurm_cluster.submit("sleep 600", "--partition=high", "--nodes=2", "--gres=gpu:2", "--exclusive")
    open_gate()
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue().get(other) == "RUNNING")
    assert_interrupted(ways, REPEATS)
    open_road()
    slurm_cluster.scancel(other)
    output, errors = first.communicate(timeout=900)
    assert first.returncode == 0, output + errors
    assert_matrix(ways, REPEATS)
    _assert_each_worker_goes_on(ways)
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())


def _assert_each_worker_goes_on(ways: Sequence[str]) -> None:
    """Each trial was claimed in a job, and a worker whose trial has lost a rank goes on as long as there is one."""
    claims = [trial.user_attrs["claim"] for trial in trials_of(STUDY)]
    assert all(claim["place"]["node"] for claim in claims)
    assert len({claim["worker"] for claim in claims}) <= len(ways)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize("ways", [WAYS, ON_NODES], ids=["one node", "two nodes"])
def test_each_death_of_a_rank_in_jobs(slurm_cluster: Cluster, run_script: Run, ways: Sequence[str]) -> None:
    """With the kind of that rank, also on another node; the job's worker goes on until the budget is spent."""
    more = NODES if ways == ON_NODES else ()
    ended = run_script(APP, *SLURM, *deaths_of(ways), *more, "hydra.sweeper.n_jobs=1", timeout=900)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_deaths(ways)
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())


def _epochs(rank: int, number: int = 0) -> list[int]:
    path = STUDY / f"trials/{number}/rank{rank}.jsonl"
    return [json.loads(line)["epoch"] for line in path.read_text().splitlines()] if path.exists() else []


SLOW = ("what=slow", "epochs=25", "hydra.sweeper.n_trials=1")


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize("node", ["n1", "n2"])
def test_a_node_that_is_gone_ends_no_trial(slurm_cluster: Cluster, start_script: Start, node: str) -> None:
    """The trial goes on from its checkpoint; it has lost a worker if that node was its worker's, else nothing."""
    first = start_script(APP, *SLURM, *NODES, "how=launcher", *SLOW)
    slurm_cluster.wait_until(lambda: len(_epochs(1)) >= 2, 90.0)
    slurm_cluster.kill_node(node)
    slurm_cluster.set_node(node, "down")
    slurm_cluster.wait_until(lambda: set(slurm_cluster.squeue().values()) == {"PENDING"}, 90.0)
    slurm_cluster.restart_slurmd(node)
    slurm_cluster.set_node(node, "resume")
    output, errors = first.communicate(timeout=200)
    assert first.returncode == 0, output + errors
    (trial,) = trials_of(STUDY)
    assert trial.state == TrialState.COMPLETE
    assert sorted(trial.intermediate_values) == list(range(1, 26))
    assert len(trial.user_attrs.get("losses", ())) <= int(node == "n1")
    for rank in range(2):
        assert sorted(set(_epochs(rank))) == list(range(25))


def _ranks_at_work() -> set[int]:
    """The processes by which ranks of other tasks run on this machine."""
    pids = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if {b"hyperopt_app.ranks.node_agent", b"hyperopt_app.rank_process"} & set(path.read_bytes().split(b"\0")):
                pids.add(int(path.parent.name))
    return pids


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize("whom", ["worker", "trial"])
def test_a_killed_process_leaves_no_rank(slurm_cluster: Cluster, start_script: Start, whom: str) -> None:
    """Killed (-9), it ends nothing itself; the agents miss it, and the trial goes on with new ranks."""
    before = _ranks_at_work()
    first = start_script(APP, *SLURM, *NODES, "how=launcher", *SLOW)
    slurm_cluster.wait_until(lambda: len(_epochs(1)) >= 2, 90.0)
    started = _ranks_at_work() - before
    assert started
    (trial,) = trials_of(STUDY)
    noted = json.loads((STUDY / "trials/0/rank0.jsonl").read_text().splitlines()[0])
    os.kill(trial.user_attrs["claim"]["pid"] if whom == "worker" else noted["pid"], signal.SIGKILL)
    slurm_cluster.wait_until(lambda: not started & _ranks_at_work())
    output, errors = first.communicate(timeout=200)
    assert first.returncode == 0, output + errors
    (trial,) = trials_of(STUDY)
    assert trial.state == TrialState.COMPLETE
    assert sorted(trial.intermediate_values) == list(range(1, 26))
    assert len(trial.user_attrs["losses"]) == 1
