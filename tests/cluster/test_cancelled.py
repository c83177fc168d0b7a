# SPDX-License-Identifier: MIT
"""An attached command on the test cluster: it says which of its jobs are missing, and stops when all are cancelled."""

import getpass
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster._sweeps import STUDY, Start, finish, until_at_work
from tests.cluster.slurm import GPUS_PER_NODE, NODES, Cluster
from tests.end_to_end._studies import ended

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(240)]

PBS = "--config-name=pbs"
ALL_GPUS = (f"--nodes={len(NODES)}", f"--gres=gpu:{GPUS_PER_NODE}", "--output=/dev/null")


def _array(cluster: Cluster) -> str:
    return next(name for name in cluster.squeue() if "_" in name).partition("_")[0]


def _told(program: "subprocess.Popen[str]", words: str) -> str:
    """Read what the command writes up to the line with these words; to the end if there is none."""
    lines = list[str]()
    while line := program.stdout.readline() if program.stdout else "":
        lines.append(line)
        if words in line:
            break
    return "".join(lines)


def _cancel_array(cluster: Cluster) -> None:
    cluster.scancel(_array(cluster))


def _cancel_all_of_the_user(cluster: Cluster) -> None:
    cluster.scancel("--user", getpass.getuser())


CANCELS = [_cancel_array, pytest.param(_cancel_all_of_the_user, marks=pytest.mark.nightly)]


@pytest.mark.parametrize("cancel", CANCELS, ids=["scancel of the array", "scancel -u"])
def test_what_its_user_cancels_is_not_submitted_again(
    slurm_cluster: Cluster, sweep: Start, cancel: Callable[[Cluster], None]
) -> None:
    """A stop that was asked for: one line, exit code 0, and results."""
    program = sweep("epoch_s=0.6")
    until_at_work(slurm_cluster)
    job = _array(slurm_cluster)
    cancel(slurm_cluster)
    output = finish(program)
    tasks = ", ".join(f"{job}_{task}" for task in range(4))
    assert f"Stopped: you have cancelled the workers' jobs ({tasks}); nothing is submitted again." in output
    assert f"{12 - len(ended(STUDY))} of 12 trials are left; the same command goes on with them." in output
    assert output.count("Submitted") == 1
    assert len(ended(STUDY)) < 12
    assert (STUDY / "best.yaml").exists()
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue() == {})  # Slurm itself takes a moment to end a job


@pytest.mark.nightly
def test_jobs_that_are_cancelled_while_they_wait_are_not_submitted_again(slurm_cluster: Cluster, sweep: Start) -> None:
    """None has ever run, and accounting may know nothing of them."""
    other = slurm_cluster.submit("sleep 300", *ALL_GPUS)
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue().get(other) == "RUNNING")
    program = sweep("epoch_s=0.6")
    slurm_cluster.wait_until(lambda: len(slurm_cluster.squeue()) == 5)
    assert "0 of 4 jobs run; 4 wait in the queue (Resources)" in _told(program, "wait in the queue")
    _cancel_array(slurm_cluster)
    output = finish(program)
    assert "cancelled the workers' jobs" in output
    assert "Submitted" not in output
    assert not (STUDY / "launches/1").exists()


def test_what_is_missing_is_said_and_fewer_workers_go_on(slurm_cluster: Cluster, sweep: Start) -> None:
    """What waits in the queue, and why; then who has ended, with the scheduler's word. Each is said once."""
    once = "+hydra.launcher.additional_parameters={no-requeue: true}"
    program = sweep("epoch_s=0.5", "hydra.sweeper.n_jobs=5", "hydra.sweeper.n_trials=40", once)
    until_at_work(slurm_cluster)
    job = _array(slurm_cluster)
    output = _told(program, "wait")
    assert "4 of 5 jobs run; 1 waits in the queue (Resources)" in output
    slurm_cluster.scancel(f"{job}_4")
    slurm_cluster.set_node("n1", "down")
    output += _told(program, "go on")
    assert f"job {job}_4 has been cancelled; " in output.lower()
    assert "have ended (NODE_FAIL); they are not replaced: 2 of 5 go on" in output
    finished = output.count(" complete ")
    output += _told(program, f"[{finished + 8}/40]")
    assert [output.count(word) for word in ("in the queue", "not replaced", "Submitted")] == [1, 1, 1]


@pytest.mark.skipif(shutil.which("qsub") is None, reason="qsub (slurm-wlm-torque) is not installed")
def test_what_qdel_deletes_is_not_submitted_again(slurm_cluster: Cluster, sweep: Start) -> None:
    """PBS does not tell who deleted a job; what the workers leave behind tells that they were told to end."""
    program = sweep(PBS, "epoch_s=0.6")
    until_at_work(slurm_cluster)
    jobs = sorted(slurm_cluster.squeue(), key=int)
    slurm_cluster.run("qdel", *jobs)
    output = finish(program)
    assert f"cancelled the workers' jobs ({', '.join(jobs)}); nothing is submitted again." in output
    assert output.count("Submitted") == 1
    assert not Path(STUDY, "launches/1").exists()
    assert 0 < len(ended(STUDY)) < 12
