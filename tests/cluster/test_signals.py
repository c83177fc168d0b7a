# SPDX-License-Identifier: MIT
"""The signal law on the test cluster: Slurm's own signals reach every process of a worker, and its trial only waits."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from optuna.trial import TrialState

from tests.cluster.slurm import GPUS_PER_NODE, NODES, Cluster
from tests.conftest import _environment_of_programs
from tests.end_to_end._signals import APP, KINDS, STUDY, assert_waits, assert_went_on, trial_at_work
from tests.end_to_end._studies import ended, trials_of

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(240)]


def _preempt(cluster: Cluster) -> Callable[[], object]:
    everything = (f"--nodes={len(NODES)}", f"--gres=gpu:{GPUS_PER_NODE}")
    other = cluster.submit("sleep 300", "--partition=high", *everything, "--output=/dev/null")
    return lambda: cluster.scancel(other)


def _scancel(cluster: Cluster) -> Callable[[], object]:
    job = next(iter(cluster.squeue())).partition("_")[0]
    for node in NODES:
        cluster.set_node(node, "drain")  # so that the worker does not come back at once
    cluster.scancel("--signal=TERM", job)

    def free() -> None:
        for node in NODES:
            cluster.set_node(node, "resume")

    return free


@pytest.mark.parametrize(
    "harm", [_preempt, pytest.param(_scancel, marks=pytest.mark.nightly)], ids=["preempt", "scancel"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_signal_of_slurms_interrupts_the_trial(
    slurm_cluster: Cluster, kind: str, harm: Callable[[Cluster], Callable[[], object]]
) -> None:
    """It reaches every process of the worker: the trial waits, and the requeued worker continues its checkpoint."""
    command = [sys.executable, str(APP), "--config-name", "slurm", "--multirun", f"kind='{kind}'"]
    done = subprocess.run(command, env=_environment_of_programs(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    trial_at_work()
    end_of_harm = harm(slurm_cluster)
    slurm_cluster.wait_until(lambda: trials_of(STUDY)[0].state != TrialState.RUNNING)
    (waiting,) = trials_of(STUDY)
    assert_waits(waiting)
    end_of_harm()
    slurm_cluster.wait_until(lambda: ended(STUDY))
    assert_went_on(waiting)
