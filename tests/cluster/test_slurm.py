# SPDX-License-Identifier: MIT
"""What the test cluster does with jobs that nothing befalls; the tests of our own launchers build on it."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster.slurm import GPUS_PER_NODE, MAX_ARRAY_SIZE, NODES, Cluster, ClusterError
from tests.contracts.servers import skip_or_fail

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(180)]

N_GPUS = len(NODES) * GPUS_PER_NODE


def _states(cluster: Cluster, job: str) -> list[str]:
    return [run.state for run in cluster.sacct(job)]


def test_more_jobs_than_gpus_wait_for_one(slurm_cluster: Cluster) -> None:
    """With a GPU each, four jobs run at a time and the fifth waits until one of them has ended."""
    jobs = [slurm_cluster.submit("sleep 300", "--gres=gpu:1") for _ in range(N_GPUS + 1)]
    running = dict.fromkeys(jobs[:-1], "RUNNING")
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue() == {**running, jobs[-1]: "PENDING"})
    slurm_cluster.wait_until(lambda: slurm_cluster.run("squeue", "-h", "-o", "%r", "-j", jobs[-1]) == "Resources")
    slurm_cluster.scancel(jobs[1])
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue().get(jobs[-1]) == "RUNNING")


def test_every_job_sees_its_own_gpu(slurm_cluster: Cluster) -> None:
    """CUDA_VISIBLE_DEVICES numbers the GPUs of a node, and no two jobs on it see the same."""
    slurm_cluster.submit(
        "echo $SLURMD_NODENAME $CUDA_VISIBLE_DEVICES; sleep 300",
        "--gres=gpu:1",
        f"--array=1-{N_GPUS}",
        "--output=seen-%a",
    )
    expected = sorted(f"{node} {gpu}\n" for node in NODES for gpu in range(GPUS_PER_NODE))
    slurm_cluster.wait_until(lambda: sorted(path.read_text() for path in Path.cwd().glob("seen-*")) == expected)


def test_accounting_knows_how_jobs_have_ended(slurm_cluster: Cluster) -> None:
    """Sacct tells success, failure with its exit status, death by a signal and cancellation apart."""
    scripts = {"COMPLETED": "true", "FAILED": "exit 3", "CANCELLED": "sleep 300"}
    jobs = {state: slurm_cluster.submit(script) for state, script in scripts.items()}
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue() == {jobs["CANCELLED"]: "RUNNING"})
    slurm_cluster.scancel(jobs["CANCELLED"])
    slurm_cluster.wait_until(lambda: all(_states(slurm_cluster, job) == [state] for state, job in jobs.items()))
    assert slurm_cluster.sacct(jobs["FAILED"])[0].exit_code == "3:0"
    assert slurm_cluster.sacct(jobs["COMPLETED"])[0].node in NODES


def test_an_array_has_a_limit_of_its_own(slurm_cluster: Cluster) -> None:
    """Of `--array=0-4%2` two tasks run at a time, whatever is free, and accounting knows each."""
    job = slurm_cluster.submit("sleep 300", "--array=0-4%2")
    slurm_cluster.wait_until(lambda: Counter(slurm_cluster.squeue().values()) == {"RUNNING": 2, "PENDING": 3})
    reasons = slurm_cluster.run("squeue", "-h", "-r", "-t", "PENDING", "-o", "%r").split()
    assert reasons == ["JobArrayTaskLimit"] * 3
    slurm_cluster.scancel(f"{job}_0")
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue().get(f"{job}_2") == "RUNNING")
    slurm_cluster.wait_until(lambda: (f"{job}_0", "CANCELLED") in [run[:2] for run in slurm_cluster.sacct(job)])


def test_an_array_has_a_largest_index(slurm_cluster: Cluster) -> None:
    """An index of MaxArraySize is refused, with Slurm's reason."""
    with pytest.raises(ClusterError, match="Invalid job array specification"):
        slurm_cluster.submit("true", f"--array=0-{MAX_ARRAY_SIZE}")


def test_a_job_waits_for_another_by_dependency(slurm_cluster: Cluster) -> None:
    """A job submitted from a job, with a dependency on it, starts when it has ended: sbatch works on nodes too."""
    slurm_cluster.submit("sbatch --dependency=afterany:$SLURM_JOB_ID --output=second --wrap='echo ran'")
    slurm_cluster.wait_until(lambda: Path("second").exists() and Path("second").read_text() == "ran\n")


def test_pbs_commands_reach_it(slurm_cluster: Cluster) -> None:
    """`qsub` submits a script with PBS directives, `qstat` shows it, `qdel` deletes it."""
    if not shutil.which("qsub"):
        skip_or_fail("qsub is not installed (Debian's package slurm-wlm-torque)")
    script = Path("hello.pbs")
    script.write_text(
        "#!/bin/bash\n#PBS -N hello\n#PBS -q low\n#PBS -l nodes=1:ppn=2:gpus=1,walltime=00:05:00\n"
        "echo $SLURM_JOB_ID $CUDA_VISIBLE_DEVICES >seen\nsleep 300\n"
    )
    job = slurm_cluster.run("qsub", script)
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue().get(job) == "RUNNING")
    slurm_cluster.wait_until(lambda: Path("seen").exists() and Path("seen").read_text())
    assert Path("seen").read_text() == f"{job} 0\n"
    assert slurm_cluster.run("qstat", job).splitlines()[-1].split()[-2:] == ["R", "low"]
    slurm_cluster.run("qdel", job)
    slurm_cluster.wait_until(lambda: job not in slurm_cluster.squeue())
