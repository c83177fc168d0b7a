# SPDX-License-Identifier: MIT
"""`hyperopt-app doctor` on a real Slurm."""

from pathlib import Path

import pytest

from hyperopt_app.doctor.examination import Wishes
from hyperopt_app.doctor.started import examined
from tests.cluster.slurm import Cluster

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.nightly]

WORDS = ("hparams=sphere", "hydra/launcher=slurm_workers")


@pytest.mark.timeout(300)
def test_a_command_that_works_has_no_fault(slurm_cluster: Cluster) -> None:
    """With locks between two nodes; nothing is submitted but for these, and nothing is left."""
    results = examined(WORDS, Wishes(nodes=True, try_s=60.0))
    assert [result.line for result in results if result.verdict != "ok"] == []
    checks = {result.check for result in results}
    assert checks >= {"nodes", "submission", "partition", "preemption", "accounting", "trial"}
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.timeout(300)
def test_a_partition_that_is_not_there_is_a_fault(slurm_cluster: Cluster) -> None:
    """As Slurm itself says."""
    results = examined([*WORDS, "hydra.launcher.partition=nowhere"], Wishes())
    faults = {result.check: result.line for result in results if result.verdict == "fault"}
    assert "nowhere" in faults["partition"]
    assert "submission" in faults
