# SPDX-License-Identifier: MIT
"""Trials that wait at rungs and are promoted, as jobs of a real Slurm with faults: nothing is lost or trained twice."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.study.trial_facts import count_of_attempts, is_parked
from tests.cluster._chaos_tally import read_history
from tests.cluster._sweeps import STUDY, Start, finish
from tests.cluster.slurm import GPUS_PER_NODE, NODES, Cluster
from tests.conftest import REPO, _environment_of_programs
from tests.end_to_end._studies import assert_exact, trials_of

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(300)]

TRIALS, EPOCHS = 10, 11


def _assert_as_trained(trial: FrozenTrial) -> None:
    """Its curve is whole, each of its epochs was trained once, and only who has won keeps the checkpoint."""
    directory, is_complete = Path(trial.user_attrs["directory"]), trial.state == TrialState.COMPLETE
    assert sorted(trial.intermediate_values) == list(range(len(trial.intermediate_values)))
    assert is_complete == (len(trial.intermediate_values) == EPOCHS)
    assert len(trial.intermediate_values) >= 3
    history = read_history(directory)
    assert (history.repeated, history.overlaps) == (0, 0), f"trial {trial.number}"
    assert (directory / "last.ckpt").exists() == is_complete


def test_parked_trials_and_a_preemption(slurm_cluster: Cluster, sweep: Start) -> None:
    """All workers are preempted while trials are parked; their jobs come back and go on with these trials."""
    program = sweep(
        *(f"epochs={EPOCHS}", "epoch_s=0.1", "hydra.launcher.partition=low", "hydra/sweeper/pruner=promote"),
        f"hydra.sweeper.n_trials={TRIALS}",
    )
    slurm_cluster.wait_until(lambda: [trial for trial in trials_of(STUDY) if is_parked(trial)])
    everything = (f"--nodes={len(NODES)}", f"--gres=gpu:{GPUS_PER_NODE}")
    slurm_cluster.submit("sleep 1", "--partition=high", *everything, "--output=/dev/null")
    finish(program)
    trials = assert_exact(STUDY, TRIALS)
    assert any(trial.state == TrialState.COMPLETE for trial in trials)
    assert any(count_of_attempts(trial) > 1 for trial in trials)
    for trial in trials:
        _assert_as_trained(trial)


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.timeout(1500)
def test_two_hundred_trials_under_faults() -> None:
    """Parkings, kills, preemptions, nodes that go down: the budget is exact, trials are whole, no epoch comes twice."""
    words = ("--promote", "--trials", "200", "--minutes", "4", "--seed", "3")
    command = [sys.executable, str(REPO / "benchmarks/chaos.py"), *words]
    done = subprocess.run(command, env=_environment_of_programs(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| budget | exact |" in done.stdout
    assert "WRONG" not in done.stdout
    assert "| trials lost | 0 |" in done.stdout
    assert "| trials epochs trained twice beyond the last checkpoint | 0 |" in done.stdout
    numbers = {name: int(count) for name, count in re.findall(r"^\| ([^|]+) \| (\d+) \|$", done.stdout, re.MULTILINE)}
    assert numbers["trials: pruned"] >= 50, done.stdout
    assert numbers["trials: complete"] >= 5, done.stdout
    assert sum(count for name, count in numbers.items() if name.startswith("fault: ")) >= 20, done.stdout
