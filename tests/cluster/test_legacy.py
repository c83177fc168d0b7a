# SPDX-License-Identifier: MIT
"""The original README's example with its slurm block on the test cluster."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import optuna
import pandas as pd
import pytest
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.storage.opening import open_storage
from tests.cluster.slurm import Cluster
from tests.conftest import REPO
from tests.end_to_end._legacy import write_readme_example

pytest.importorskip("torch")
pytestmark = [pytest.mark.slurm, pytest.mark.timeout(240)]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def _trials() -> list[FrozenTrial]:
    storage = open_storage("sqlite:///results/holodec_optimization.db", Path("results"))
    return optuna.load_study(study_name="holodec_optimization.db", storage=storage).get_trials()


def test_the_readmes_example_submits_its_workers(slurm_cluster: Cluster, run_script: Run) -> None:
    """It writes the job ids and comes back; the workers run n_trials per job and write the tables of old."""
    write_readme_example(Path(), n_trials=3, jobs=2)
    done = run_script(REPO / "optimize.py", "hyperparameters.yml", "model_config.yml", timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    (job,) = Path("results/job_ids.txt").read_text().split()
    assert "export LEGACY_SEEN=1" in Path("results/launch.sh").read_text()
    slurm_cluster.wait_until(lambda: not slurm_cluster.squeue(), 120)
    trials = _trials()
    assert job
    assert [trial.number for trial in trials] == list(range(6))
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    tables = pd.concat([pd.read_csv(path) for path in Path("results").glob("hyper_opt_*.csv")])
    complete = [trial.number for trial in trials if trial.state == TrialState.COMPLETE]
    assert sorted(tables["trial"]) == complete
