# SPDX-License-Identifier: MIT
"""A configured pruner that cannot act is pointed out, once, where the user looks; without one nothing is said."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

APP = """
import hydra
import hyperopt_app


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg):
    trial = hyperopt_app.current_trial()
    if cfg.how == "reports":
        hyperopt_app.report(cfg.x + 1, 1)
    elif cfg.how == "never asks":
        trial.report(cfg.x + 1, 1)
    elif cfg.how == "swallows":
        try:
            hyperopt_app.report(cfg.x + 1, 1)
        except Exception:
            pass
    elif cfg.how == "two values":
        return cfg.x, -cfg.x
    return cfg.x


if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults: [_self_, {override hydra/sweeper: async_optuna}, {override hydra/launcher: local_workers}]
x: 0.0
how: silent
hydra:
  sweep: {dir: study, subdir: 'trials/${hydra.job.num}'}
  sweeper: {n_trials: 3, n_jobs: 1, seed: 1, params: {x: 'interval(0.0, 1.0)'}}
"""
# Ends every trial that reports anything above 0.
ENDS_ALL = ("hydra/sweeper/pruner=threshold", "hydra.sweeper.pruner.upper=0")
MEDIAN = ("hydra/sweeper/pruner=median",)


@pytest.fixture
def search(run_script: Run) -> Callable[..., str]:
    """`search(*overrides)`: all that the command has said."""
    Path("app.py").write_text(APP)
    Path("config.yaml").write_text(CONFIG)
    Path("hyperopt-app.py").write_text("from hyperopt_app.cli import main\n\nmain()\n")

    def run(*overrides: str) -> str:
        done = run_script("app.py", "--multirun", *overrides)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.mark.parametrize("launcher", ["local_workers", "basic"])
@pytest.mark.parametrize(
    ("how", "pruner", "words"),
    [
        ("silent", MEDIAN, "MedianPruner cannot act: trial 0 has completed without reporting a value"),
        ("never asks", MEDIAN, "MedianPruner cannot act: trial 0 has completed without asking"),
        ("swallows", ENDS_ALL, "ThresholdPruner cannot act: trial 0 went on after the pruner had ended it"),
    ],
    ids=["nothing reported", "never asked", "swallowed"],
)
def test_what_a_trial_shows_is_said_once(
    how: str, pruner: tuple[str, ...], words: str, launcher: str, search: Callable[..., str], run_script: Run
) -> None:
    """After the first trial that shows it, in the driver's output and in `status`; the trial stays complete."""
    said = search(f"how='{how}'", f"hydra/launcher={launcher}", *pruner)
    assert said.count(f"hydra.sweeper.pruner: {words}") == 1, said
    status = run_script("hyperopt-app.py", "status", "study")
    assert words in status.stdout
    if launcher == "local_workers":
        assert Path("study/workers/0.log").read_text().count(words) == 1


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ("how='two values'", "hydra.sweeper.direction=[minimize,maximize]", *MEDIAN),
            "MedianPruner never ends a trial",
        ),
        (
            ("how=reports", "hydra/sweeper/sampler=async_tpe", "hydra/sweeper/pruner=hyperband"),
            "HyperbandPruner does harm beside TPE",
        ),
        (
            (
                "how=reports",
                "hydra/sweeper/sampler=tpe",
                "hydra/sweeper/pruner=patient",
                "hydra.sweeper.pruner.wrapped_pruner={_target_:optuna.pruners.SuccessiveHalvingPruner}",
            ),
            "SuccessiveHalvingPruner does harm beside TPE",
        ),
    ],
    ids=["several directions", "hyperband", "inside another"],
)
def test_what_the_config_shows_is_said_before_anything_starts(
    overrides: tuple[str, ...], words: str, search: Callable[..., str], run_script: Run
) -> None:
    """In one line, with what to take instead, before the study is named; `status` says it too."""
    said = search(*overrides, "hydra.sweeper.n_trials=1")
    assert said.count(f"hydra.sweeper.pruner: {words}") == 1, said
    assert said.index(words) < said.index("Study ")
    assert words in run_script("hyperopt-app.py", "status", "study").stdout


@pytest.mark.parametrize(
    "overrides",
    [
        ("how=silent",),
        ("how='two values'", "hydra.sweeper.direction=[minimize,maximize]"),
        ("how=reports", *MEDIAN),
        ("how=reports", *ENDS_ALL),
        ("how=reports", "hydra/sweeper/sampler=random", "hydra/sweeper/pruner=hyperband"),
    ],
    ids=["no pruner", "no pruner, several directions", "reports", "prunes", "hyperband at random"],
)
def test_nothing_is_said_of_a_pruner_that_acts_or_is_not_there(
    overrides: tuple[str, ...], search: Callable[..., str], run_script: Run
) -> None:
    """Neither by the search nor by `status`."""
    said = search(*overrides, "hydra/launcher=basic")
    if any("pruner" in one for one in overrides):
        assert "Pruner" not in said
    assert "hydra.sweeper.pruner" not in said
    assert "note:" not in run_script("hyperopt-app.py", "status", "study").stdout
