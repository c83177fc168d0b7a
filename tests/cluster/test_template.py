# SPDX-License-Identifier: MIT
"""A project like the public Lightning and Hydra templates in Slurm jobs: pruned, interrupted, and it goes on."""

import signal

import pytest

from tests.cluster.slurm import Cluster
from tests.end_to_end import _template as template
from tests.end_to_end._studies import ended
from tests.end_to_end._template import STUDY, Start

pytest.importorskip("lightning", reason="lightning is not installed")
pytest.importorskip("tensorboard", reason="tensorboard is not installed")

pytestmark = [pytest.mark.nightly, pytest.mark.slurm, pytest.mark.timeout(400)]

JOBS = (
    "hydra/launcher=slurm_workers",
    "hydra.launcher.timeout_min=10",
    "hydra.sweeper.n_jobs=2",
    "hydra.sweeper.n_trials=12",
    "model.epoch_s=0.3",
)


def test_it_is_searched_in_jobs_and_goes_on_after_every_interruption(
    slurm_cluster: Cluster, start_script: Start
) -> None:
    """A worker is killed, then the driver is told to end; the same command comes to exactly the budget."""
    first = template.search(start_script, *JOBS)
    victim = slurm_cluster.wait_until(template.kill_a_worker, 120)
    assert victim is not None
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)
    assert first.returncode != 0
    assert len(ended(STUDY)) < 12
    second = template.search(start_script, *JOBS)
    told = "".join(second.communicate(timeout=200))
    assert second.returncode == 0, told
    template.assert_went_on(template.assert_whole(12)[victim.number], victim)
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())
