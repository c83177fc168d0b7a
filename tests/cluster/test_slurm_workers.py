# SPDX-License-Identifier: MIT
"""`hydra/launcher: slurm_workers` on the test cluster: each fault, and the study ends complete all the same."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster._sweeps import (
    STUDY,
    Start,
    assert_whole,
    claimed_trials,
    finish,
    until_at_work,
)
from tests.cluster.slurm import GPUS_PER_NODE, NODES, Cluster
from tests.end_to_end._studies import ended

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(240)]


def _job(cluster: Cluster) -> str:
    return next(iter(cluster.squeue())).partition("_")[0]


def test_a_detached_sweep_needs_no_driver(slurm_cluster: Cluster, sweep: Start) -> None:
    """It comes back at once, with words on how to look; the study ends by itself; the same command reports."""
    output = finish(sweep("hydra.launcher.detach=true"), 30)
    assert "hyperopt-app status" in output
    assert "scancel" in output
    slurm_cluster.wait_until(lambda: len(ended(STUDY)) == 12, 60)
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())
    assert_whole()
    assert "Best: trial" in finish(sweep(), 30)


def test_a_killed_driver_changes_nothing(slurm_cluster: Cluster, sweep: Start) -> None:
    """Right after the submission it is killed with -9; the same command attaches to the jobs and starts no others."""
    first = sweep()
    slurm_cluster.wait_until(lambda: len(slurm_cluster.squeue()) == 4)
    os.killpg(first.pid, signal.SIGKILL)
    output = finish(sweep())
    assert "are there already" in output
    assert "Submitted" not in output
    assert_whole()


def _scancel(cluster: Cluster) -> None:
    cluster.scancel(f"{_job(cluster)}_1")


def _requeue(cluster: Cluster) -> None:
    cluster.run("scontrol", "requeue", f"{_job(cluster)}_1")


def _node_down(cluster: Cluster) -> None:
    cluster.set_node("n1", "down")


def _kill_worker(cluster: Cluster) -> None:
    running = cluster.wait_until(lambda: claimed_trials(4))
    os.kill(running[0].user_attrs["claim"]["pid"], signal.SIGKILL)


def _site_signal(cluster: Cluster) -> None:
    cluster.scancel("--signal=USR1", f"{_job(cluster)}_1")


BY_NIGHT = [pytest.param(harm, marks=pytest.mark.nightly) for harm in (_scancel, _kill_worker, _site_signal)]
FAULTS = [_requeue, _node_down, *BY_NIGHT]


@pytest.mark.parametrize("harm", FAULTS, ids=lambda harm: harm.__name__.strip("_"))
def test_a_fault_costs_no_trial(slurm_cluster: Cluster, sweep: Start, harm: Callable[[Cluster], None]) -> None:
    """Whatever takes a worker away: exactly the budget, every trial whole, under its own number."""
    program = sweep("epoch_s=0.4")
    until_at_work(slurm_cluster)
    harm(slurm_cluster)
    finish(program)
    for trial in assert_whole():
        nodes = [loss["node"] for loss in trial.user_attrs.get("losses", ())]
        assert trial.user_attrs["claim"]["place"]["node"] not in nodes, "it was tried again where it was lost"


# Preempted jobs are requeued there, or cancelled.
PREEMPTED = ["low", pytest.param("lowcancel", marks=pytest.mark.nightly)]


@pytest.mark.parametrize("partition", PREEMPTED)
def test_preemption_costs_no_trial(slurm_cluster: Cluster, sweep: Start, partition: str) -> None:
    """Workers checkpoint, give back and go within the grace time; they come back to the queue, and go on."""
    program = sweep("epoch_s=0.4", f"hydra.launcher.partition={partition}")
    until_at_work(slurm_cluster)
    everything = (f"--nodes={len(NODES)}", f"--gres=gpu:{GPUS_PER_NODE}")
    slurm_cluster.submit("sleep 8", "--partition=high", *everything, "--output=/dev/null")
    finish(program)
    trials = assert_whole()
    assert not any("losses" in trial.user_attrs for trial in trials)  # an interruption is not a loss


@pytest.mark.parametrize("partition", PREEMPTED)
def test_every_preempted_worker_comes_back_by_itself(slurm_cluster: Cluster, sweep: Start, partition: str) -> None:
    """No driver is there to submit again: each task of the array puts itself back into the queue, and no other."""
    longer = ("epoch_s=0.5", "hydra.sweeper.n_trials=24")
    finish(sweep(*longer, f"hydra.launcher.partition={partition}", "hydra.launcher.detach=true"), 30)
    until_at_work(slurm_cluster)
    array = _job(slurm_cluster)
    everything = (f"--nodes={len(NODES)}", f"--gres=gpu:{GPUS_PER_NODE}")
    slurm_cluster.submit("sleep 4", "--partition=high", *everything, "--output=/dev/null")
    slurm_cluster.wait_until(lambda: len(ended(STUDY)) == 24, 120)
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())
    assert_whole(24)
    counts = {path.name: path.read_text() for path in STUDY.glob("launches/0/resubmissions-*")}
    assert counts == {f"resubmissions-{array}_{task}": "1" for task in range(4)}


@pytest.mark.slow
def test_a_time_limit_costs_no_trial(slurm_cluster: Cluster, sweep: Start) -> None:
    """Trials that are longer than a job's time go on in the next run of the job, without a driver."""
    short = ("hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=20", "epoch_s=6", "epochs=5")
    finish(sweep(*short, "hydra.sweeper.n_trials=8", "hydra.launcher.detach=true"), 30)
    slurm_cluster.wait_until(lambda: len(ended(STUDY)) == 8, 220)
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())
    trials = assert_whole(8)
    assert not any("losses" in trial.user_attrs for trial in trials)


def test_slots_see_their_own_gpus(slurm_cluster: Cluster, sweep: Start) -> None:
    """A job with a whole node, two workers for each GPU; one that is killed leaves its neighbours running."""
    whole = ("hydra.launcher.gres=gpu:2", "hydra.launcher.workers_per_gpu=2", "hydra.sweeper.n_jobs=8")
    program = sweep(*whole, "hydra.sweeper.n_trials=16", "epoch_s=0.5")
    running = until_at_work(slurm_cluster, 8)
    assert len(slurm_cluster.squeue()) == 2
    pids = {trial.user_attrs["claim"]["pid"] for trial in running}
    assert len(pids) == 8
    os.kill(min(pids), signal.SIGKILL)
    finish(program)
    trials = assert_whole(16)
    seen = {
        tuple(line.split()[1:])
        for trial in trials
        for line in Path(trial.user_attrs["directory"], "epochs.txt").read_text().splitlines()
    }
    assert seen == {("0", "n1"), ("1", "n1"), ("0", "n2"), ("1", "n2")}


@pytest.mark.parametrize(
    ("fields", "workers"),
    [
        pytest.param(("nodes=2", "gres=gpu:2"), 4, marks=pytest.mark.nightly),
        pytest.param(("nodes=2", "tasks_per_node=2", "gpus_per_node=2"), 4, marks=pytest.mark.nightly),
        (("nodes=2", "tasks_per_node=2", "gpus_per_task=1", "workers_per_gpu=2", "gres=null"), 8),
    ],
    ids=["a task for each node", "a task for each GPU", "two workers for each task"],
)
def test_a_job_on_two_nodes_uses_all_its_gpus(
    slurm_cluster: Cluster, sweep: Start, fields: tuple[str, ...], workers: int
) -> None:
    """However the site wants its GPUs to be asked for: one job, and each GPU has its workers."""
    own = [f"hydra.launcher.{field}" for field in fields]
    own = own if any("gres" in field for field in own) else [*own, "hydra.launcher.gres=null"]
    program = sweep(*own, f"hydra.sweeper.n_jobs={workers}", "hydra.sweeper.n_trials=16", "epoch_s=0.4")
    until_at_work(slurm_cluster, workers)
    assert len(slurm_cluster.squeue()) == 1
    finish(program)
    trials = assert_whole(16)
    assert {trial.user_attrs["claim"]["number"] for trial in trials} == set(range(workers))
    notes = [Path(trial.user_attrs["directory"], "epochs.txt").read_text().splitlines() for trial in trials]
    seen = {tuple(line.split()[1:]) for lines in notes for line in lines}
    assert seen == {("0", "n1"), ("1", "n1"), ("0", "n2"), ("1", "n2")}


NASTY = ["it's", 'a "b"', "$(touch HACKED)", "`touch HACKED`", "a; touch HACKED", "a && touch HACKED", "ü ö # x"]


@pytest.mark.parametrize("value", NASTY)
def test_a_value_is_no_command(slurm_cluster: Cluster, sweep: Start, value: str, tmp_path: Path) -> None:
    """Quotes, dollars, semicolons in name, comment and account reach Slurm as they are, and start nothing."""
    quoted = "'" + value.replace("'", "\\'") + "'"
    fields = [f"hydra.launcher.{field}={quoted}" for field in ("name", "comment", "account")]
    words = (*fields, "hydra.launcher.detach=true")
    finish(sweep(*words, "hydra.sweeper.n_jobs=1", "hydra.sweeper.n_trials=1", "epoch_s=0", "epochs=1"), 40)
    job = _job(slurm_cluster)
    shown = slurm_cluster.run("squeue", "--noheader", "--job", job, "--format=%j|%k")
    assert shown == f"{value}|{value}"  # of an account that it does not know, Slurm makes the user's own
    slurm_cluster.wait_until(lambda: len(ended(STUDY)) == 1)
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())
    assert not list(Path.cwd().rglob("HACKED"))


def test_an_option_of_the_launchers_own_is_refused(slurm_cluster: Cluster, sweep: Start) -> None:
    """All faults are told, and nothing is submitted or written."""
    program = sweep("+hydra.launcher.additional_parameters.array=0-9", "hydra.launcher.gpus_per_trial=0")
    output, _ = program.communicate(timeout=30)
    assert program.returncode != 0
    assert "additional_parameters.array: the launcher sets this option itself" in output
    assert "hydra.launcher.gpus_per_trial: 0 is not allowed" in output
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue() == {})  # Slurm itself takes a moment to end a job
    assert not STUDY.exists()


def test_a_refusing_sbatch_loses_nothing(slurm_cluster: Cluster, sweep: Start) -> None:
    """The message is sbatch's own; after the mend the same study goes on."""
    program = sweep("hydra.launcher.partition=nosuch")
    output, _ = program.communicate(timeout=40)
    assert program.returncode != 0
    assert "sbatch refused the workers" in output
    assert "invalid partition" in output
    assert "Traceback" not in output
    finish(sweep())
    assert_whole()


def test_a_controller_that_is_away_for_a_while_loses_nothing(slurm_cluster: Cluster, sweep: Start) -> None:
    """squeue fails meanwhile: one line says so, and the sweep goes on."""
    program = sweep("epoch_s=0.6")
    until_at_work(slurm_cluster)
    slurm_cluster.stop_slurmctld()
    slurm_cluster.wait_until(lambda: len(ended(STUDY)) >= 6, 60)
    slurm_cluster.restart_slurmctld()
    finish(program)
    assert_whole()


def test_a_node_that_fails_its_check_is_not_used(slurm_cluster: Cluster, sweep: Start) -> None:
    """It is reported, and every trial runs on the other node."""
    check = 'hydra.launcher.node_check=[bash,-c,"test $SLURMD_NODENAME != n1"]'
    finish(sweep(check, "hydra.sweeper.n_trials=6"))
    trials = assert_whole(6)
    assert {trial.user_attrs["claim"]["place"]["node"] for trial in trials} == {"n2"}
    # The study remembers it: with a larger budget, and without the check, the node stays out.
    finish(sweep("hydra.sweeper.n_trials=10"))
    assert {trial.user_attrs["claim"]["place"]["node"] for trial in assert_whole(10)} == {"n2"}
    logs = [path.read_text() for path in STUDY.glob("workers/slurm/*log.out")]
    assert any("node n1 is not used for this study" in log for log in logs)
