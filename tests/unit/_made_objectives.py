# SPDX-License-Identifier: MIT
"""Trials made by hand, for the tests of the original's objectives and of the callbacks for Keras."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna

from hyperopt_app.objective import Trial
from hyperopt_app.space import suggest

LEGACY = Path(__file__).resolve().parents[1] / "apps" / "legacy"


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
