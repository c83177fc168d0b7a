# SPDX-License-Identifier: MIT
"""Trials that are runs of a bash script, in jobs of a real Slurm: pruned, preempted, and gone on with."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.cluster.slurm import Cluster
from tests.end_to_end._programs import place_script
from tests.end_to_end._studies import in_state, trials_of

pytestmark = [pytest.mark.slurm, pytest.mark.nightly, pytest.mark.slow, pytest.mark.timeout(240)]

STUDY = Path("study")
WORDS = ("--config-dir", "conf", "hparams=programs", "--multirun", "hydra/launcher=slurm_workers")

Start = Callable[..., subprocess.Popen[str]]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _script(_only_this_cluster: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script and its config in the working directory; `hyperopt-app` on the PATH of jobs."""
    place_script(monkeypatch)


def test_a_script_is_pruned_in_a_job(slurm_cluster: Cluster, run_app: Run) -> None:
    """The trial that would never end is; the other has its whole curve."""
    done = run_app(*WORDS, "hydra.sweeper.params.program=./train.sh", "hydra.sweeper.n_trials=2", timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    whole, pruned = sorted(trials_of(STUDY), key=lambda trial: int(trial.params["x"]))
    assert (whole.state, whole.value) == (TrialState.COMPLETE, 4.0)
    assert whole.intermediate_values == {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}
    assert (pruned.state, pruned.intermediate_values) == (TrialState.PRUNED, {1: 3.0, 2: 6.0})
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue())


def test_a_preempted_script_saves_and_goes_on(slurm_cluster: Cluster, start_app: Start) -> None:
    """Slurm's SIGTERM reaches the script too; the next run of the job begins with what it has saved."""
    alone = ("~hydra.sweeper.params.x", "mode=wait", "hydra.sweeper.n_trials=1", "hydra.sweeper.n_jobs=1")
    words = ("hydra.sweeper.params.program=./train.sh", "hydra.launcher.partition=low")
    first = start_app(*WORDS, *alone, *words)
    slurm_cluster.wait_until(
        lambda: any(len(trial.intermediate_values) == 2 for trial in in_state(STUDY, TrialState.RUNNING)), 90.0
    )
    other = slurm_cluster.submit("sleep 300", "--partition=high", "--nodes=2", "--gres=gpu:2", "--exclusive")
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue().get(other) == "RUNNING")
    slurm_cluster.scancel(other)
    output, errors = first.communicate(timeout=150)
    assert first.returncode == 0, output + errors
    (trial,) = trials_of(STUDY)
    assert (trial.state, trial.value) == (TrialState.COMPLETE, 4.0)
    assert sorted(trial.intermediate_values.items()) == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]
    attempts = (STUDY / "trials" / "0" / "attempts.txt").read_text().splitlines()
    assert attempts == ["begins after 0", "begins after 2"]
    assert "losses" not in trial.user_attrs
