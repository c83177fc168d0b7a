# SPDX-License-Identifier: MIT
"""Our workers under Hydra's own Slurm launcher, on the test cluster."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.slurm import Cluster
from tests.end_to_end._studies import APPS, assert_exact

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(180)]


def test_the_stock_launcher_carries_our_workers(
    slurm_cluster: Cluster, run_script: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Four jobs with a GPU each meet in one study, and the budget is exact."""
    app = (APPS / "rendezvous" / "app.py", "--multirun", "workers=4", "hydra.sweeper.n_trials=12")
    launcher = ("hydra/launcher=submitit_slurm", "hydra.launcher.gres=gpu:1", "hydra.launcher.timeout_min=5")
    ended = run_script(*app, *launcher, timeout=150)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    trials = assert_exact(Path("study"), 12)
    assert len({trial.user_attrs["claim"]["number"] for trial in trials}) == 4
    assert {trial.user_attrs["metrics"]["gpu"] for trial in trials} == {0.0, 1.0}
    assert slurm_cluster.squeue() == {}
