# SPDX-License-Identifier: MIT
"""The GPU-hours of a study beside those that Slurm's accounting has charged, and a budget of them."""

import time
from dataclasses import replace

import pytest
from optuna.trial import TrialState

from hyperopt_app.cost.compute import compute_of, gpu_hours
from hyperopt_app.cost.worker_times import read_worker_times
from hyperopt_app.study.trial_facts import begun_at
from tests.cluster._sweeps import STUDY, Start, finish, until_at_work
from tests.cluster.slurm import GPUS_PER_NODE, NODES, Cluster
from tests.end_to_end._studies import in_state, trials_of

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(300)]


def _charged_s(cluster: Cluster) -> float:
    """The seconds of all runs of all jobs, each of which had one GPU, also of those that were put back."""
    words = ("--allocations", "--duplicates", "--noheader", "--parsable2", "--format=ElapsedRaw")
    jobs = ",".join({known.job.partition("_")[0] for known in read_worker_times(STUDY)})
    return sum(float(line) for line in cluster.run("sacct", *words, "--jobs", jobs).split())


@pytest.mark.slow
@pytest.mark.nightly
def test_gpu_hours_are_those_of_the_jobs(slurm_cluster: Cluster, sweep: Start) -> None:
    """Within two per cent and Slurm's second for each run, from starts to ends, also when jobs are preempted."""
    program = sweep("epoch_s=2.5", "hydra.launcher.partition=low")
    until_at_work(slurm_cluster)
    everything = (f"--nodes={len(NODES)}", f"--gres=gpu:{GPUS_PER_NODE}")
    slurm_cluster.submit("sleep 4", "--partition=high", *everything, "--output=/dev/null")
    finish(program, 200)
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())
    workers = read_worker_times(STUDY)
    assert {known.gpus for known in workers} == {1.0}
    assert not any(known.is_at_work for known in workers)
    charged_s = _charged_s(slurm_cluster)
    assert gpu_hours(workers) * 3600 == pytest.approx(charged_s, rel=0.02, abs=len(workers))
    cost = compute_of(trials_of(STUDY), workers)
    assert cost.unit == "GPU"
    assert cost.complete + cost.idle == pytest.approx(cost.total)


def test_no_trial_begins_once_the_gpu_hours_are_spent(slurm_cluster: Cluster, sweep: Start) -> None:
    """What runs then ends at its next checkpoint and waits; the workers' jobs end by themselves."""
    most = 60 / 3600  # of four workers together, which import for some seconds each
    output = finish(sweep("epoch_s=0.4", "hydra.sweeper.n_trials=120", f"hydra.sweeper.budget.gpu_hours={most}"))
    ended = time.time()
    assert f"hydra.sweeper.budget.gpu_hours={most:g} is spent" in output
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())
    assert in_state(STUDY, TrialState.RUNNING) == []
    assert in_state(STUDY, TrialState.WAITING)
    last = max(begun.timestamp() for begun in map(begun_at, trials_of(STUDY)) if begun is not None)
    until_then = [
        replace(known, ended=max(known.begun, min(known.ended, last))) for known in read_worker_times(STUDY, ended)
    ]
    assert gpu_hours(until_then) <= most + 1 / 3600
