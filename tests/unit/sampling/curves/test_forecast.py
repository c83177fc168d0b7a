# SPDX-License-Identifier: MIT
"""The pruner `forecast`."""

import logging
import math
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from hyperopt_app.sampling.curves.forecast import ForecastPruner
from hyperopt_app.sampling.curves.model import CurveModel
from tests.unit.sampling.curves._searches import searched

STEPS = (1, 2, 3, 4, 6, 9, 12, 18, 27)


def _honest(trial: optuna.Trial) -> list[float]:
    """Early ranks are those of the end."""
    x = trial.suggest_float("x", 0.0, 1.0)
    return [abs(x - 0.3) + 1 / step for step in STEPS]


def _crossing(trial: optuna.Trial) -> list[float]:
    """At a third of the training the best are the worst."""
    x = trial.suggest_float("x", 0.0, 1.0)
    return [abs(x - 0.3) if step > 10 else -abs(x - 0.3) for step in STEPS]


def _searched(objective: object, n_trials: int = 27) -> optuna.Study:
    return searched(optuna.create_study(), objective, n_trials, pruner=ForecastPruner(), steps=STEPS)  # type: ignore[arg-type]


def test_it_saves_most_of_the_work_where_early_ranks_are_honest() -> None:
    """More than half of the trials end early, at a rung, and the best does not."""
    study = _searched(_honest)
    pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
    assert len(pruned) > 13
    assert {trial.last_step for trial in pruned} <= {3, 9, 27}
    best_x = min(study.trials, key=lambda trial: abs(trial.params["x"] - 0.3))
    assert best_x.state == TrialState.COMPLETE


def test_what_is_expected_behind_the_best_ends() -> None:
    """Where early ranks are honest, few beside the best third of a rung train to the end, once the model knows it."""
    study = _searched(_honest, 36)
    complete = [trial.number for trial in study.trials if trial.state == TrialState.COMPLETE]
    assert sum(number >= 12 for number in complete) <= 5
    patient = searched(optuna.create_study(), _honest, 36, pruner=ForecastPruner(caution=30.0), steps=STEPS)
    assert sum(trial.state == TrialState.COMPLETE for trial in patient.trials) > len(complete) + 9


def test_it_ends_little_where_early_ranks_mislead() -> None:
    """Once complete trials have shown it, the forecast does not follow the early ranks."""
    study = _searched(_crossing)
    late = study.trials[15:]
    assert sum(trial.state == TrialState.PRUNED for trial in late) < 6
    assert study.best_value < 0.05


def test_the_first_trial_and_those_between_rungs_go_on() -> None:
    """Nobody to compare with; and a trial is judged once at each rung."""
    study = optuna.create_study(pruner=ForecastPruner())
    trial = study.ask()
    trial.suggest_float("x", 0.0, 1.0)
    assert not trial.should_prune()
    for step in range(1, 28):
        trial.report(1.0, step)
        assert not trial.should_prune()


def test_between_rungs_the_study_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """An objective that reports each of a thousand batches asks as often, and pays for it at rungs alone."""
    study = optuna.create_study(pruner=ForecastPruner())
    trial, reads = study.ask(), list[int]()
    trial.suggest_float("x", 0.0, 1.0)
    whole = optuna.Study.get_trials

    def counted(self: optuna.Study, *arguments: Any, **options: Any) -> Any:
        reads.append(step)
        return whole(self, *arguments, **options)

    monkeypatch.setattr(optuna.Study, "get_trials", counted)
    for step in range(1, 1001):
        trial.report(1.0, step)
        trial.should_prune()
    assert reads == [3, 9, 27, 81, 243, 729]


def test_without_parameters_nothing_ends() -> None:
    """Nothing is there to model."""
    study = optuna.create_study(pruner=ForecastPruner())
    for value in (1.0, 2.0, 3.0, 4.0):
        trial = study.ask()
        for step in (1, 3, 9):
            trial.report(value, step)
            assert not trial.should_prune()


def test_nan_ends_a_trial_at_a_rung() -> None:
    """Nothing better comes after it; a value of infinity in the bad direction is the same."""
    for value, expected in ((math.nan, True), (math.inf, True), (-math.inf, False)):
        study = _searched(_honest, 6)
        trial = study.ask()
        trial.suggest_float("x", 0.0, 1.0)
        trial.report(0.5, 1)
        trial.report(value, 3)
        assert trial.should_prune() is expected


def test_where_the_algebra_fails_nothing_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A line says so."""

    def fails(*_: object) -> None:
        raise np.linalg.LinAlgError("singular")

    monkeypatch.setattr(CurveModel, "fit", fails)
    with caplog.at_level(logging.WARNING):
        study = _searched(_honest, 12)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    assert "its final value cannot be forecast: singular" in caplog.text


@pytest.mark.parametrize(
    ("field", "value"), [("reduction_factor", 1), ("caution", -1.0), ("caution", math.nan), ("first_rung", -1)]
)
def test_a_number_out_of_range_is_refused(field: str, value: float) -> None:
    """With the field's name."""
    with pytest.raises(ValueError, match=f"{field}: .* is not allowed; set a"):
        ForecastPruner(**{field: value})  # type: ignore[arg-type]
