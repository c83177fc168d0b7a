# SPDX-License-Identifier: MIT
"""`hyperopt-app doctor` on a real Slurm."""

from pathlib import Path

import pytest

from hyperopt_app.doctor.examination import Wishes
from hyperopt_app.doctor.started import examined
from tests.cluster.slurm import Cluster

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(300)]

JOBS = "hydra/launcher=slurm_workers"
SPHERE = ("hparams=sphere", JOBS)
HOLOGRAMS = ("hparams=holodec", JOBS, "trainer.epochs=1", "data.n_train=32", "data.n_valid=16", "data.cache=null")


@pytest.mark.parametrize(
    "words", [SPHERE, pytest.param(HOLOGRAMS, marks=pytest.mark.nightly)], ids=["sphere", "holograms"]
)
def test_a_command_that_works_has_no_fault(slurm_cluster: Cluster, words: tuple[str, ...]) -> None:
    """With locks between two nodes; nothing is submitted but for these, and nothing is left."""
    if words == HOLOGRAMS:
        pytest.importorskip("pytorch_lightning")
    results = examined(words, Wishes(nodes=True, try_s=120.0))
    assert [result.line for result in results if result.verdict != "ok"] == []
    checks = {result.check for result in results}
    assert checks >= {"nodes", "submission", "partition", "preemption", "accounting", "trial"}
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.nightly
def test_a_partition_that_is_not_there_is_a_fault(slurm_cluster: Cluster) -> None:
    """As Slurm itself says."""
    results = examined([*SPHERE, "hydra.launcher.partition=nowhere"], Wishes())
    faults = {result.check: result.line for result in results if result.verdict == "fault"}
    assert "nowhere" in faults["partition"]
    assert "submission" in faults
