# SPDX-License-Identifier: MIT
"""Trials and objectives made by hand, for the tests of the original's objectives and of the callbacks for Keras."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from omegaconf import OmegaConf

from hyperopt_app.legacy.objectives.adapter import LegacyObjective
from hyperopt_app.objective.trial import Trial
from hyperopt_app.space.space import suggest

LEGACY = Path(__file__).resolve().parents[1] / "apps" / "legacy"


# A class whose train returns what is filled in.
TRAIN = """
class Objective(BaseObjective):
    def train(self, trial, conf):
        return {}
"""


class _Always(optuna.pruners.BasePruner):
    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return True


always = _Always()


def a_trial(
    directory: Path,
    pruner: optuna.pruners.BasePruner | None = None,
    *,
    space: Mapping[str, optuna.distributions.BaseDistribution] | None = None,
    directions: Sequence[Any] = ("minimize",),
    params: Mapping[str, Any] | None = None,
    **options: Any,
) -> Trial:
    """A running trial whose searched parameters are suggested, as a worker does before it runs the objective."""
    study = optuna.create_study(directions=list(directions), pruner=pruner or optuna.pruners.NopPruner())
    study.enqueue_trial(dict(params or {}))
    trial = study.ask()
    for name, distribution in (space or {}).items():
        suggest(trial, name, distribution)
    return Trial(trial, directory=directory, seed=1, metric_names=options.pop("metric_names", ("val_loss",)), **options)


def frozen(trial: Trial) -> optuna.trial.FrozenTrial:
    found: optuna.trial.FrozenTrial = trial.study.get_trials()[trial.number]
    return found


def curve(trial: Trial) -> dict[int, float]:
    return dict(frozen(trial).intermediate_values)


def objective_of(text: str, **options: Any) -> LegacyObjective:
    """The adapter for a file with this text after the usual import."""
    path = Path("objective.py").absolute()
    path.write_text(f"from echo.src.base_objective import *\n{text}", encoding="utf-8")
    return LegacyObjective(str(path), options.pop("metric", "val_loss"), save_path="/out", **options)


def run(objective: LegacyObjective, trial: Trial | None = None, **conf: Any) -> Any:
    """What the adapter returns for a small config."""
    return objective.train(trial, OmegaConf.create({"objective": {"file": "x"}, "x": 2.0, **conf}))
