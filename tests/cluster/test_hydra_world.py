# SPDX-License-Identifier: MIT
"""On the test cluster too a trial stands in the world of a Hydra job: what it sees is what `basic` gives."""

import shutil
from pathlib import Path

import pytest

from tests.cluster.slurm import Cluster
from tests.conftest import _run_python
from tests.contracts import _world as world
from tests.contracts._world import RunScript, Seen

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(180)]

NAMES = {
    "slurm_workers": ["hydra/launcher=slurm_workers", "hydra.launcher.timeout_min=5"],
    "slurm_workers without isolation": [
        "hydra/launcher=slurm_workers",
        "hydra.launcher.timeout_min=5",
        "hydra.launcher.isolation=none",
    ],
    "pbs_workers": [
        "hydra/launcher=pbs_workers",
        "hydra.launcher.nodes='1:ppn=1'",
        "hydra.launcher.walltime='00:05:00'",
    ],
    "submitit_slurm": ["hydra/launcher=submitit_slurm", "hydra.launcher.timeout_min=5"],
}


@pytest.fixture(scope="module")
def basic(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What the trials see under `basic`."""
    return world.searched(_run_python, tmp_path_factory.mktemp("basic"), "hydra/launcher=basic")


@pytest.mark.parametrize("name", NAMES)
def test_a_job_of_the_cluster_gives_what_basic_gives(
    name: str, slurm_cluster: Cluster, basic: Seen, run_script: RunScript
) -> None:
    """Interpolations, resolvers, types, logs, environment, callbacks and the points themselves are equal."""
    if name == "pbs_workers" and shutil.which("qsub") is None:
        pytest.skip("qsub (slurm-wlm-torque) is not installed")
    seen = world.searched(run_script, Path.cwd(), *NAMES[name], timeout=120)
    assert seen.trials == basic.trials
    world.assert_one_moment(seen)
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue() == {})  # Slurm itself takes a moment to end a job
