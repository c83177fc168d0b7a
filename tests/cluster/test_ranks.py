# SPDX-License-Identifier: MIT
"""Trials on two ranks in jobs of a real Slurm: on one node, whatever starts the ranks, and on two, by `srun`."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.cluster.slurm import Cluster
from tests.end_to_end._studies import APPS, in_state, trials_of
from tests.end_to_end.test_ranks import DEATHS, KINDS, TIMES, assert_trained_together, prunes_first

APP = APPS / "ranks" / "app.py"
Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., "subprocess.Popen[str]"]

NIGHTLY = (pytest.mark.nightly, pytest.mark.slow)
pytestmark = [pytest.mark.slurm, pytest.mark.timeout(400)]

SLURM = ("--multirun", "hydra/launcher=slurm_workers")
# A job of two nodes with a rank on each, for torch and for Lightning.
NODES = ("hydra.launcher.nodes_per_trial=2",)
ON_NODES = {"launcher": ("how=launcher", *NODES), "ddp_nodes": ("how=ddp", "nodes=2", *NODES)}
WAYS = {how: (f"how={how}",) for how in ("ddp", "ddp_spawn", "ddp_fork", "torchrun", "spawn", "launch_ranks")}
ALL = {**WAYS, **ON_NODES}


def _words(way: str) -> tuple[str, ...]:
    return (*SLURM, *ALL[way])


def assert_one_claim(trial: FrozenTrial) -> None:
    """A worker has claimed it once, in a job, and nobody has lost it."""
    assert trial.user_attrs["claim"]["place"]["node"]
    assert "losses" not in trial.user_attrs


def _is_quick(way: str, time: int) -> bool:
    """What CI shows once: a trial on two nodes."""
    return (way, time) == ("launcher", 0)


@pytest.mark.parametrize(
    ("way", "time"),
    [
        pytest.param(way, time, marks=pytest.mark.slow if _is_quick(way, time) else NIGHTLY)
        for time in range(TIMES)
        for way in ALL
    ],
)
def test_a_job_trains_trials_on_two_ranks(slurm_cluster: Cluster, run_script: Run, way: str, time: int) -> None:
    """One claim, one curve, pruned together, and values that differ; nothing is requeued by Lightning."""
    prunes = prunes_first("ddp" if "ddp" in way else "torch")[1:]
    ended = run_script(APP, *_words(way), *prunes, timeout=360)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    trials = trials_of(Path("study"))
    assert_trained_together(trials, epochs=3)
    for trial in trials:
        assert_one_claim(trial)
    assert len({trial.user_attrs["claim"]["worker"] for trial in trials}) == 1
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize(("what", "time"), DEATHS)
@pytest.mark.parametrize("way", ALL)
def test_a_dead_rank_ends_its_trial_alone(
    slurm_cluster: Cluster, run_script: Run, way: str, what: str, time: int
) -> None:
    """With the kind of that rank, also on another node; the job's worker goes on until the budget is spent."""
    ended = run_script(APP, *_words(way), f"what={what}", "hydra.sweeper.n_trials=1", timeout=360)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    (trial,) = trials_of(Path("study"))
    failure = trial.user_attrs["failure"]
    assert (failure["kind"], failure["error"].startswith(KINDS[what][1])) == (KINDS[what][0], True), failure
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())


def _epochs(rank: int) -> list[int]:
    path = Path(f"study/trials/0/rank{rank}.jsonl")
    return (
        [int(line.partition('"epoch": ')[2].split(",")[0]) for line in path.read_text().splitlines()]
        if (path.exists())
        else []
    )


SLOW = ("what=slow", "epochs=25", "hydra.sweeper.n_trials=1")


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize("time", range(TIMES))
@pytest.mark.parametrize("way", ALL)
def test_a_preempted_trial_goes_on_from_its_checkpoint(
    slurm_cluster: Cluster, start_script: Start, way: str, time: int
) -> None:
    """On all ranks, in the next run of the job: no epoch is left out, and at most the one in the making is repeated."""
    first = start_script(APP, *_words(way), *SLOW, "hydra.launcher.partition=low")
    slurm_cluster.wait_until(lambda: len(_epochs(1)) >= 2, 90.0)
    other = slurm_cluster.submit("sleep 300", "--partition=high", "--nodes=2", "--gres=gpu:2", "--exclusive")
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue().get(other) == "RUNNING")
    assert in_state(Path("study"), TrialState.WAITING)
    before = len(_epochs(0))
    assert before < 25
    slurm_cluster.scancel(other)
    output, errors = first.communicate(timeout=200)
    assert first.returncode == 0, output + errors
    (trial,) = trials_of(Path("study"))
    assert sorted(trial.intermediate_values) == list(range(1, 26))
    assert "losses" not in trial.user_attrs
    for rank in range(2):
        assert sorted(set(_epochs(rank))) == list(range(25))
        assert len(_epochs(rank)) <= 26


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize("node", ["n1", "n2"])
def test_a_node_that_is_gone_ends_no_trial(slurm_cluster: Cluster, start_script: Start, node: str) -> None:
    """The trial goes on from its checkpoint; it has lost a worker if that node was its worker's, else nothing."""
    first = start_script(APP, *_words("launcher"), *SLOW)
    slurm_cluster.wait_until(lambda: len(_epochs(1)) >= 2, 90.0)
    slurm_cluster.kill_node(node)
    slurm_cluster.set_node(node, "down")
    slurm_cluster.wait_until(lambda: set(slurm_cluster.squeue().values()) == {"PENDING"}, 90.0)
    slurm_cluster.restart_slurmd(node)
    slurm_cluster.set_node(node, "resume")
    output, errors = first.communicate(timeout=200)
    assert first.returncode == 0, output + errors
    (trial,) = trials_of(Path("study"))
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
    first = start_script(APP, *_words("launcher"), *SLOW)
    slurm_cluster.wait_until(lambda: len(_epochs(1)) >= 2, 90.0)
    started = _ranks_at_work() - before
    assert started
    (trial,) = trials_of(Path("study"))
    noted = json.loads(Path("study/trials/0/rank0.jsonl").read_text().splitlines()[0])
    os.kill(trial.user_attrs["claim"]["pid"] if whom == "worker" else noted["pid"], signal.SIGKILL)
    slurm_cluster.wait_until(lambda: not started & _ranks_at_work())
    output, errors = first.communicate(timeout=200)
    assert first.returncode == 0, output + errors
    (trial,) = trials_of(Path("study"))
    assert trial.state == TrialState.COMPLETE
    assert sorted(trial.intermediate_values) == list(range(1, 26))
    assert len(trial.user_attrs["losses"]) == 1
