# SPDX-License-Identifier: MIT
"""A search whose trials wait at their checkpoints and are promoted, over two commands: what is trained and kept."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from hyperopt_app import cli
from hyperopt_app.study.trial_facts import is_parked
from tests.end_to_end._studies import APPS, assert_exact, trials_of

RunScript = Callable[..., subprocess.CompletedProcess[str]]

APP = APPS / "epochs" / "app.py"
STUDY = Path("study")
# Enough trials that some are left when the first is complete, which takes three at the second rung.
EPOCHS, TRIALS = 11, 16
CONFIG = """
defaults:
  - _self_
  - override hydra/sweeper: async_optuna
  - override hydra/sweeper/sampler: random
  - override hydra/sweeper/pruner: promote
  - override hydra/launcher: {launcher}
x: 0.0
epochs: {epochs}
epoch_s: 0.01
spread: 0.0
meet: 0
hydra:
  sweep: {{dir: study, subdir: "trials/${{hydra.job.num}}"}}
  sweeper: {{n_trials: {trials}, n_jobs: 2, seed: 3, params: {{x: "interval(-1, 1)"}}}}
"""


def _command(launcher: str) -> tuple[str, ...]:
    Path("mine.yaml").write_text(CONFIG.format(launcher=launcher, epochs=EPOCHS, trials=TRIALS), encoding="utf-8")
    return (str(APP), f"--config-path={Path.cwd()}", "--config-name=mine", "--multirun")


@pytest.mark.parametrize("launcher", ["local_workers", pytest.param("basic", marks=pytest.mark.nightly)])
def test_trials_wait_and_the_best_go_on(
    run_script: RunScript, launcher: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A spent budget leaves trials parked, the next command goes on with them, and each epoch is trained once."""
    command = _command(launcher)
    first = run_script(*command, "hydra.sweeper.budget.trainings=2")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "hydra.sweeper.budget.trainings=2 is spent" in first.stdout + first.stderr
    parked = {trial.number: len(trial.intermediate_values) for trial in trials_of(STUDY) if is_parked(trial)}
    assert parked
    assert set(parked.values()) <= {3, 9}
    cli.main(["trials", str(STUDY), "--parked", "--json"])
    assert [row["number"] for row in json.loads(capsys.readouterr().out)] == list(parked)
    assert f"{len(parked)} parked" in first.stdout + first.stderr

    done = run_script(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    trials = assert_exact(STUDY, TRIALS)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert complete
    for trial in trials:
        directory = Path(trial.user_attrs["directory"])
        epochs = [int(line.split()[0]) for line in (directory / "epochs.txt").read_text().splitlines()]
        assert epochs == sorted(trial.intermediate_values) == list(range(len(epochs)))
        assert len(epochs) == EPOCHS if trial in complete else len(epochs) in (3, 9)
        assert (directory / "last.ckpt").exists() == (trial in complete)
        assert (directory / "runs.txt").exists()


def test_an_objective_without_checkpoints_is_said_to_have_none(run_script: RunScript) -> None:
    """Once; its trials come to their ends, or are ended by what `forecast` judges."""
    Path("app.py").write_text(
        """
import hydra

import hyperopt_app


@hydra.main(version_base=None, config_path=".", config_name="mine")
def main(conf):
    for epoch in range(12):
        hyperopt_app.report(conf.x**2 + 1 / (epoch + 1), epoch)
    return conf.x**2


if __name__ == "__main__":
    main()
""",
        encoding="utf-8",
    )
    _command("basic")
    done = run_script("app.py", "--multirun", "hydra.sweeper.n_trials=4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("PromotePruner does what `forecast` does") == 1
    assert_exact(STUDY, 4)
