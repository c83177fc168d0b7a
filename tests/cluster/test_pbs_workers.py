# SPDX-License-Identifier: MIT
"""`hydra/launcher: pbs_workers` through Slurm's qsub, qstat and qdel on the test cluster."""

import shutil
from pathlib import Path

import pytest

from tests.cluster._sweeps import STUDY, Start, assert_whole, finish, until_at_work
from tests.cluster.slurm import Cluster
from tests.end_to_end._studies import ended

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("qsub") is None, reason="qsub (slurm-wlm-torque) is not installed"),
]

PBS = "--config-name=pbs"


def test_a_study_in_pbs_jobs(slurm_cluster: Cluster, sweep: Start) -> None:
    """The driver follows four jobs to the end; each worker's output lies in its own file."""
    output = finish(sweep(PBS))
    assert "Submitted 4 worker(s) in 4 job(s)" in output
    assert "Best: trial" in output
    assert_whole()
    assert len(list(STUDY.glob("workers/pbs/worker-*.log"))) == 4


def test_detached_then_attached_then_deleted(slurm_cluster: Cluster, sweep: Start) -> None:
    """The same command attaches; after qdel of a job the others end the study."""
    assert "qdel" in finish(sweep(PBS, "hydra.launcher.detach=true"), 30)
    until_at_work(slurm_cluster)
    job = next(iter(slurm_cluster.squeue()))
    slurm_cluster.run("qdel", job)
    output = finish(sweep(PBS))
    assert "are there already" in output
    assert_whole()


def test_a_job_at_its_limit_submits_itself_again(slurm_cluster: Cluster, sweep: Start) -> None:
    """Detached, with a limit that holds a few epochs alone, the study reaches its budget all the same."""
    words = ["hydra.launcher.walltime=15", "hydra.launcher.grace_s=3", "hydra.sweeper.n_jobs=2", "epoch_s=0.5"]
    finish(sweep(PBS, *words, "hydra.launcher.detach=true"), 30)
    slurm_cluster.wait_until(lambda: len(ended(STUDY)) == 12, 200)
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())
    assert_whole()
    assert list(Path(STUDY).glob("launches/*/submitted-again-*"))
