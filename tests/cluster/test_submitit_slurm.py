# SPDX-License-Identifier: MIT
"""Our workers under Hydra's own Slurm launcher, on the test cluster."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.slurm import Cluster
from tests.end_to_end._studies import APPS, assert_exact

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(180)]


# The fields that public projects set.
AS_WRITTEN = (
    "hydra/launcher=submitit_slurm",
    "hydra.launcher.submitit_folder=${hydra.sweep.dir}/.submitit/%j",
    "hydra.launcher.name=${hydra.job.name}",
    "hydra.launcher.timeout_min=5",
    "hydra.launcher.gres=gpu:1",
    "hydra.launcher.nodes=1",
    "hydra.launcher.tasks_per_node=1",
    "hydra.launcher.cpus_per_task=1",
    "hydra.launcher.array_parallelism=8",
    "hydra.launcher.qos=null",
    "hydra.launcher.account=null",
    "+hydra.launcher.additional_parameters={}",
    "hydra.launcher.setup=['export FORM=seen']",
)


def test_the_stock_launcher_carries_our_workers(
    slurm_cluster: Cluster, run_script: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Four jobs with a GPU each meet in one study, and the budget is exact."""
    app = (APPS / "rendezvous" / "app.py", "--multirun", "workers=4", "hydra.sweeper.n_trials=12")
    ended = run_script(*app, *AS_WRITTEN, timeout=150)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    trials = assert_exact(Path("study"), 12)
    assert len({trial.user_attrs["claim"]["number"] for trial in trials}) == 4
    assert {trial.user_attrs["metrics"]["gpu"] for trial in trials} == {0.0, 1.0}
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue() == {})  # Slurm itself takes a moment to end a job
