# SPDX-License-Identifier: MIT
"""What befalls jobs on the test cluster, and what they can see of it; the tests of our own workers build on it."""

from pathlib import Path

import pytest

from tests.cluster.slurm import GPUS_PER_NODE, NODES, Cluster, ClusterError

# They show what Slurm does, not what we do: by night, and whenever a release of Slurm is new here.
pytestmark = [pytest.mark.slurm, pytest.mark.nightly, pytest.mark.timeout(180)]

# A step, as submitit starts one, writes down the signals that it gets; its batch script does as much for its own.
LISTENER = """\
from signal import Signals, signal
import os, sys, time
for name in ("SIGCONT", "SIGTERM", "SIGUSR1", "SIGUSR2"):
    signal(Signals[name], lambda number, frame: os.write(1, f"step {Signals(number).name}\\n".encode()))
os.write(1, f"begin {os.environ.get('SLURM_RESTART_COUNT', 0)}\\n".encode())
while True:
    time.sleep(1)
"""
SCRIPT = """\
trap 'echo batch SIGTERM' TERM
srun --unbuffered python3 listener.py &
wait; wait
"""


def _submit_listener(cluster: Cluster, *options: object) -> tuple[str, Path]:
    """A job that listens already, and its log."""
    Path("listener.py").write_text(LISTENER)
    job = cluster.submit(SCRIPT, "--output=log-%j", "--open-mode=append", *options)
    log = Path(f"log-{job}").absolute()
    cluster.wait_until(lambda: log.exists() and "begin" in log.read_text())
    return job, log


def _fill_with(cluster: Cluster, partition: str) -> str:
    """Start a job that wants every GPU; returns its number."""
    everything = (f"--nodes={len(NODES)}", f"--gres=gpu:{GPUS_PER_NODE}")
    job = cluster.submit("sleep 300", f"--partition={partition}", *everything)
    cluster.wait_until(lambda: cluster.squeue().get(job) == "RUNNING")
    return job


def _states(cluster: Cluster, job: str) -> list[str]:
    return [run.state for run in cluster.sacct(job)]


def test_preemption_requeues_a_low_job(slurm_cluster: Cluster) -> None:
    """A job of higher priority takes its GPU: SIGCONT and SIGTERM at once, the end later, and a second run.

    The steps have the whole grace time; the batch script itself hears of it only at the end.
    """
    job, log = _submit_listener(slurm_cluster, "--partition=low", "--gres=gpu:1")
    other = _fill_with(slurm_cluster, "high")
    lines = log.read_text().splitlines()
    assert "step SIGCONT" in lines
    assert lines.index("step SIGTERM") < lines.index("batch SIGTERM")
    assert slurm_cluster.squeue() == {job: "PENDING", other: "RUNNING"}
    slurm_cluster.scancel(other)
    slurm_cluster.wait_until(lambda: "begin 1" in log.read_text())
    slurm_cluster.wait_until(lambda: _states(slurm_cluster, job) == ["PREEMPTED", "RUNNING"])


def test_preemption_cancels_a_lowcancel_job(slurm_cluster: Cluster) -> None:
    """The same signals, but no second run."""
    job, log = _submit_listener(slurm_cluster, "--partition=lowcancel", "--gres=gpu:1")
    other = _fill_with(slurm_cluster, "high")
    assert {"step SIGCONT", "step SIGTERM"} <= set(log.read_text().splitlines())
    assert slurm_cluster.squeue() == {other: "RUNNING"}
    slurm_cluster.wait_until(lambda: _states(slurm_cluster, job) == ["PREEMPTED"])


def test_a_default_job_is_not_preempted(slurm_cluster: Cluster) -> None:
    """In the partition `gpu` even a job of `high` waits."""
    job, log = _submit_listener(slurm_cluster, "--gres=gpu:1")
    other = slurm_cluster.submit("sleep 300", "--partition=high", "--nodes=2", "--gres=gpu:2")
    slurm_cluster.wait_until(lambda: slurm_cluster.run("squeue", "-h", "-o", "%r", "-j", other) == "Resources")
    assert slurm_cluster.squeue() == {job: "RUNNING", other: "PENDING"}
    assert log.read_text().splitlines() == ["begin 0"]


@pytest.mark.parametrize("requeue", [True, False], ids=["requeue", "no requeue"])
def test_a_node_set_down_loses_its_jobs(slurm_cluster: Cluster, requeue: bool) -> None:
    """Its job is killed and runs again elsewhere, unless it was submitted with --no-requeue."""
    options = ["--nodelist=n1"] if not requeue else []
    job, log = _submit_listener(slurm_cluster, "--requeue" if requeue else "--no-requeue", *options)
    (run,) = slurm_cluster.wait_until(lambda: slurm_cluster.sacct(job))
    slurm_cluster.set_node(run.node, "down")
    if requeue:
        slurm_cluster.wait_until(lambda: "begin 1" in log.read_text())
        slurm_cluster.wait_until(lambda: _states(slurm_cluster, job) == ["NODE_FAIL", "RUNNING"])
        assert len({one.node for one in slurm_cluster.sacct(job)}) == 2
    else:
        slurm_cluster.wait_until(lambda: _states(slurm_cluster, job) == ["NODE_FAIL"])
        slurm_cluster.wait_until(lambda: job not in slurm_cluster.squeue())


def test_a_requeued_job_starts_again_under_its_number(slurm_cluster: Cluster) -> None:
    """`scontrol requeue` ends a run and starts the next, which can count them."""
    job, log = _submit_listener(slurm_cluster)
    slurm_cluster.run("scontrol", "requeue", job)
    slurm_cluster.wait_until(lambda: "begin 1" in log.read_text())
    slurm_cluster.wait_until(lambda: _states(slurm_cluster, job) == ["REQUEUED", "RUNNING"])


def test_jobs_outlive_the_controller(slurm_cluster: Cluster) -> None:
    """While slurmctld is away nobody can be asked; a job that ends meanwhile has ended well afterwards."""
    job, log = _submit_listener(slurm_cluster)
    short = slurm_cluster.submit("while ! test -e over; do sleep 0.1; done; touch done")
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue() == {job: "RUNNING", short: "RUNNING"})
    slurm_cluster.stop_slurmctld()
    with pytest.raises(ClusterError, match="Unable to contact slurm controller"):
        slurm_cluster.squeue()
    Path("over").touch()
    slurm_cluster.wait_until(Path("done").exists)
    slurm_cluster.restart_slurmctld()
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue() == {job: "RUNNING"})
    slurm_cluster.wait_until(lambda: _states(slurm_cluster, short) == ["COMPLETED"])
    assert log.read_text().splitlines() == ["begin 0"]


def test_jobs_outlive_the_daemon_of_their_node(slurm_cluster: Cluster) -> None:
    """After slurmd was killed and started again the job goes on in its first run, and others start beside it."""
    job, log = _submit_listener(slurm_cluster, "--nodelist=n1")
    slurm_cluster.kill_slurmd("n1")
    slurm_cluster.restart_slurmd("n1")
    other = slurm_cluster.submit("sleep 300", "--nodelist=n1")
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue() == {job: "RUNNING", other: "RUNNING"})
    assert log.read_text().splitlines() == ["begin 0"]


def test_a_node_without_power_is_down_after_a_while(slurm_cluster: Cluster) -> None:
    """Slurm takes a silent node for down, and its job runs again elsewhere."""
    job, log = _submit_listener(slurm_cluster, "--requeue")
    (run,) = slurm_cluster.wait_until(lambda: slurm_cluster.sacct(job))
    slurm_cluster.kill_node(run.node)
    slurm_cluster.wait_until(lambda: slurm_cluster.nodes()[run.node] == "down*", timeout_s=90)
    slurm_cluster.wait_until(lambda: "begin 1" in log.read_text())


def test_a_time_limit_ends_a_job(slurm_cluster: Cluster) -> None:
    """At a limit of a minute the job is killed, after the signal that it asked for ahead of it."""
    job, log = _submit_listener(slurm_cluster, "--time=1", "--signal=USR2@30")
    slurm_cluster.wait_until(lambda: _states(slurm_cluster, job) == ["TIMEOUT"], timeout_s=150)
    lines = log.read_text().splitlines()
    assert lines.index("step SIGUSR2") < lines.index("step SIGTERM")
