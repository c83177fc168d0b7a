# SPDX-License-Identifier: MIT
"""What a command says of a study whose budget was spent before."""

from types import SimpleNamespace
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.driver.sweep import _nothing_to_do
from tests.unit._made_studies import ended

INTERRUPTED: Any = {"ended_attempts": [{"worker": "w1", "begun": 1.0, "ended": 2.0}]}


def _waiting(**attributes: Any) -> FrozenTrial:
    trial = ended("RUNNING", **attributes)
    trial.state = TrialState.WAITING
    return trial


def _said(n_trials: int, *trials: FrozenTrial) -> str:
    study = optuna.create_study()
    study.add_trials(trials)
    plan: Any = SimpleNamespace(n_trials=n_trials)
    return _nothing_to_do(plan, study, n_trials)


def test_a_spent_budget_leaves_nothing_to_do() -> None:
    """It says so, and that the study has more if an earlier command asked for more."""
    two = [ended(values=1.0), ended(values=2.0)]
    assert _said(2, *two) == "All 2 trials of the study are done: there is nothing to do."
    assert "(it has 1 more than that)" in _said(1, *two)


def test_a_trial_that_a_larger_budget_has_begun_is_not_forgotten() -> None:
    """A command without the option that asked for more would leave it for ever."""
    said = _said(1, ended(values=1.0), _waiting(**INTERRUPTED), _waiting())
    assert said.endswith("1 trial of a larger budget was interrupted; ask for that budget again to go on.")
