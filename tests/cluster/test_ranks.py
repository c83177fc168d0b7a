# SPDX-License-Identifier: MIT
"""Trials on two ranks inside jobs of a real Slurm: Lightning starts the ranks, though srun has started the worker."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.cluster.slurm import Cluster
from tests.end_to_end._studies import APPS, trials_of

pytestmark = pytest.mark.slurm

APP = APPS / "ranks" / "app.py"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("how", ["ddp", "launch_ranks"])
def test_a_job_trains_a_trial_on_two_ranks(slurm_cluster: Cluster, run_script: Run, how: str) -> None:
    """One claim, one curve, both ranks in one job; nothing is requeued by Lightning."""
    words = ("--multirun", f"how={how}", "hydra/launcher=slurm_workers", "hydra.sweeper.n_trials=1")
    ended = run_script(APP, *words, timeout=360)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (trial,) = trials_of(Path("study"))
    assert trial.state == TrialState.COMPLETE
    assert sorted(trial.intermediate_values) == [1, 2, 3]
    assert trial.user_attrs["claim"]["place"]["node"]
    assert "losses" not in trial.user_attrs
    for rank in range(2):
        assert len(Path(f"study/trials/0/rank{rank}.jsonl").read_text().splitlines()) == 3
