# SPDX-License-Identifier: MIT
"""Configs as the application composes them, and trials made by hand, for the tests of the worked objectives."""

from pathlib import Path
from typing import Any

import optuna
from hydra import compose, initialize_config_module

from hyperopt_app.objective.trial import Trial
from tests._releases import BASE


def composed(*overrides: str) -> Any:
    """What the task function would receive from `python -m hyperopt_app OVERRIDES`."""
    with initialize_config_module("hyperopt_app.conf", **BASE):
        return compose("config", overrides=list(overrides))


def a_trial(directory: Path, pruner: optuna.pruners.BasePruner | None = None, metric: str = "val_loss") -> Trial:
    """A new trial of a new study in memory."""
    study = optuna.create_study(pruner=pruner or optuna.pruners.NopPruner())
    return again(study, study.ask(), directory, metric)


def again(study: optuna.Study, trial: optuna.Trial, directory: Path, metric: str = "val_loss") -> Trial:
    """The same trial as another worker sees it that goes on with it."""
    reported = study.get_trials()[trial.number].intermediate_values.keys()
    return Trial(trial, directory=directory, seed=7, metric_names=(metric,), reported=reported)


def curve(trial: Trial) -> dict[int, float]:
    """The learning curve that the study holds."""
    return dict(trial.study.get_trials()[trial.number].intermediate_values)


class Always(optuna.pruners.BasePruner):
    """Prunes every trial at its first report."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        """Yes."""
        return True
