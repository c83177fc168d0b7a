# SPDX-License-Identifier: MIT
"""Points that meet the constraints on parameters, from whichever sampler."""

import dataclasses
from typing import Any

import optuna
import pytest
from optuna.samplers import BaseSampler

from hyperopt_app.sampling.curves.sampler import CurvesSampler
from hyperopt_app.sampling.failure_aware_tpe import failure_aware
from hyperopt_app.sampling.feasible import FeasibleSampler, feasible, random_points
from hyperopt_app.space.constraints import Constraints
from hyperopt_app.space.space import Space, parse_space, suggest_all


def _space(*constraints: str) -> Space:
    when = {"kind=b": {"deep": "int(interval(1, 9))"}}
    space, faults = parse_space({"kind": "choice(a, b)", "x": "interval(0, 1)", "y": "interval(0, 1)"}, [], when=when)
    assert faults == []
    return dataclasses.replace(space, constraints=constraints)


THIN = _space("x + y <= 0.3", "deep <= 3")
SAMPLERS: dict[str, Any] = {
    "random": lambda number: optuna.samplers.RandomSampler(seed=number),
    "tpe": lambda number: failure_aware(
        optuna.samplers.TPESampler(seed=number, n_startup_trials=4, multivariate=True, group=True)
    ),
    "nsgaii": lambda number: optuna.samplers.NSGAIISampler(seed=number, population_size=4),
    "curves": lambda _number: CurvesSampler(seed=1, n_startup_trials=3, n_candidates=40, conditions=THIN.tree),
}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_trial_meets_the_constraints_on_parameters(name: str) -> None:
    """A seventeenth of the space is feasible; each trial lies in it, and none more than asked for is made."""
    study, constraints = optuna.create_study(), Constraints(THIN)
    factory = feasible(SAMPLERS[name], THIN, 1)
    for number in range(14):
        study.sampler = factory(number)
        trial = study.ask()
        suggest_all(trial, THIN)
        assert constraints.is_feasible(trial.params), trial.params
        assert ("deep" in trial.params) == (trial.params["kind"] == "b")
        for step in range(12):
            trial.report(trial.params["x"] + 1 / (step + 1), step)
        study.tell(trial, trial.params["x"] + trial.params["y"])
    assert len(study.trials) == 14
    assert len({tuple(trial.params.items()) for trial in study.trials}) > 8  # genetic ones repeat parents


def test_a_point_that_is_given_stays_as_it_is() -> None:
    """What it lacks is drawn so that the constraints hold; where nothing does, it is no better than it can be."""
    study = optuna.create_study(sampler=FeasibleSampler(SAMPLERS["random"](1), THIN, Constraints(THIN), 1))
    study.enqueue_trial({"kind": "a", "x": 0.25})
    study.enqueue_trial({"kind": "a", "x": 0.75})
    good, bad = study.ask(), study.ask()
    for trial in (good, bad):
        suggest_all(trial, THIN)
    assert good.params["x"] == 0.25
    assert good.params["y"] <= 0.05 + 1e-9
    assert bad.params["x"] == 0.75
    assert not Constraints(THIN).is_feasible(bad.params)


def test_without_constraints_on_parameters_nothing_changes() -> None:
    """One on a metric is known after the training."""

    def factory(number: int) -> BaseSampler:
        return optuna.samplers.RandomSampler(seed=number)

    assert feasible(factory, _space("latency <= 3"), 1) is factory


def test_random_points_are_points_of_the_space() -> None:
    """Each has what is searched beside its other values."""
    points = list(random_points(THIN, 1, 20))
    assert {point["kind"] for point in points} == {"a", "b"}
    assert all(("deep" in point) == (point["kind"] == "b") for point in points)
