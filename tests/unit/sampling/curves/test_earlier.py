# SPDX-License-Identifier: MIT
"""Trials of earlier studies: what they say of points, how far they are trusted, and what each was worth."""

import math
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from hyperopt_app.sampling.curves.acquisition import fit
from hyperopt_app.sampling.curves.cube import Cube
from hyperopt_app.sampling.curves.earlier import Earlier, worth_of
from hyperopt_app.sampling.curves.model import CurveModel
from hyperopt_app.sampling.curves.observations import Observations, learning, observe
from hyperopt_app.sampling.curves.sampler import CurvesSampler
from tests.unit.sampling.curves._searches import bowl, searched

SPACE = {"x": FloatDistribution(0, 1), "kind": CategoricalDistribution(["a", "b"]), "new": FloatDistribution(0, 1)}
CUBE = Cube(SPACE)


def _earlier(sign: float = 1.0, count: int = 30) -> list[dict[str, Any]]:
    """Trials with x and kind, of which small x are better, and kind b is."""
    rng = np.random.default_rng(5)
    trials = list[dict[str, Any]]()
    for _ in range(count):
        x, kind = float(rng.random()), str(rng.choice(["a", "b"]))
        trials.append({"params": {"x": x, "kind": kind}, "worth": sign * (1.5 - 3 * x + (kind == "b"))})
    return trials


def test_it_ranks_points_as_the_earlier_trials_were_ranked() -> None:
    """A parameter that the earlier study did not have changes nothing."""
    earlier = Earlier(CUBE, _earlier(), np.random.default_rng(0))
    first: dict[str, Any] = {"x": 0.1, "kind": "b", "new": 0.2}
    others: list[dict[str, Any]] = [{"x": 0.1, "kind": "a"}, {"x": 0.9, "kind": "b"}, {"x": 0.9, "kind": "a"}]
    scores = earlier.scores(np.array([CUBE.point(params) for params in [first, *others]]))
    assert scores[0] > scores[1] > scores[3]
    assert scores[0] > scores[2] > scores[3]
    again = earlier.scores(np.array([CUBE.point({**first, "new": 0.9})]))
    assert again[0] == pytest.approx(scores[0])


def test_points_lie_beside_its_best_trials() -> None:
    """In what it knows; what it does not know stays as it is given."""
    rng = np.random.default_rng(1)
    points = CUBE.uniform(rng, 200)
    near = Earlier(CUBE, _earlier(), rng).near(points, rng)
    assert np.median([CUBE.params(point)["x"] for point in near]) < 0.2
    assert (near[:, CUBE.columns("new")] == points[:, CUBE.columns("new")]).all()


def _trusts(sign: float) -> tuple[float, ...]:
    """The trust after twelve reports of a study in which small x are better."""
    rng = np.random.default_rng(2)
    trials = []
    for number in range(12):
        x = float(rng.random())
        params = {"x": x, "kind": "b", "new": float(rng.random())}
        trial = create_trial(params=params, distributions=dict(SPACE), value=-x, intermediate_values={1: -x})
        trial.number = number
        trials.append(trial)
    seen = observe(learning(trials), maximize=True)
    belief = Earlier(seen.places.cube, _earlier(sign), rng)
    return fit(CurveModel(seen.places.width), seen, rng, [belief]).trusts


def test_it_is_trusted_as_far_as_it_explains_the_reports() -> None:
    """Trials that rank as this study does are trusted; of the reverse ranking the reverse is."""
    (right,), (wrong,) = _trusts(1.0), _trusts(-1.0)
    assert right > 0.6
    assert wrong < -0.3


def _belief(sign: float, early: float) -> tuple[Observations, Earlier, float]:
    """A study of 24 trials, 8 complete, whose ends prefer small x, and whose first reports do by `early`; the trust."""
    rng = np.random.default_rng(3)
    study = optuna.create_study(direction="maximize")
    for number in range(24):
        x = float(rng.random())
        params = {"x": x, "kind": "b", "new": float(rng.random())}
        curve = {1: -early * x, 9: -x} if number % 3 == 0 else {1: -early * x}
        state = TrialState.COMPLETE if len(curve) > 1 else TrialState.PRUNED
        study.add_trial(create_trial(
            params=params, distributions=dict(SPACE), intermediate_values=curve, state=state,
            value=-x if state == TrialState.COMPLETE else None,
        ))  # fmt: skip
    seen = observe(learning(study.trials), maximize=True)
    belief = Earlier(seen.places.cube, _earlier(sign), rng)
    return seen, belief, fit(CurveModel(seen.places.width), seen, rng, [belief]).trusts[0]


@pytest.mark.parametrize("early", [1.0, -1.0])
def test_early_reports_that_mislead_confirm_no_falsehood(early: float) -> None:
    """A belief is about the ends: first reports that say the reverse of them neither confirm nor refute it."""
    *_, right = _belief(1.0, early)
    *_, wrong = _belief(-1.0, early)
    assert right > 0.15
    assert wrong < 0.1


def _random_search(n_trials: int, seed: int) -> optuna.Study:
    sampler = optuna.samplers.RandomSampler(seed=seed)
    return searched(optuna.create_study(), bowl, n_trials, lambda: sampler)


def _best(earlier: list[dict[str, Any]], seed: int) -> float:
    study = searched(optuna.create_study(), bowl, 10, lambda: CurvesSampler(seed=seed, earlier=earlier))
    return study.best_value


def test_earlier_trials_help_and_false_ones_do_little_harm() -> None:
    """In the median of five seeds, on the bowl, with 40 random trials of it as they were and in reverse."""
    old = _random_search(40, seed=9)
    worth = worth_of(old.trials, old.direction, most=99)
    right: list[dict[str, Any]] = [{"params": trial.params, "worth": value} for trial, value in worth]
    false = [{**trial, "worth": -trial["worth"]} for trial in right]
    none = list[dict[str, Any]]()
    helped, misled, alone = (
        float(np.median([_best(trials, seed) for seed in range(5)])) for trials in (right, false, none)
    )
    assert helped < alone
    assert misled - 0.125 < 2.5 * (alone - 0.125)  # 0.125 is what is left of every curve at its end


def test_trials_without_a_common_parameter_change_nothing() -> None:
    """The search is that without them."""
    assert _best([{"params": {"other": 1.0}, "worth": 1.0}], 0) == _best([], 0)


def test_worth_ranks_by_the_end_that_is_expected() -> None:
    """Complete trials as their values rank, in both directions; a pruned one by its curve; a failed one not at all."""
    study = _random_search(20, seed=1)
    study.add_trial(
        create_trial(state=TrialState.FAIL, params=study.trials[0].params, distributions=study.trials[0].distributions)
    )
    worth = {trial.number: value for trial, value in worth_of(study.trials, study.direction, most=99)}
    assert sorted(worth) == list(range(20))
    best, last = study.best_trial.number, max(study.trials[:20], key=lambda trial: float(trial.value or 0)).number
    assert worth[best] > 1 > -1 > worth[last]
    reverse = {trial.number: value for trial, value in worth_of(study.trials, StudyDirection.MAXIMIZE, most=99)}
    assert reverse[last] > 1 > -1 > reverse[best]


@given(values=st.lists(st.floats() | st.none(), max_size=12), most=st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_any_study_has_a_worth(values: list[float | None], most: int) -> None:
    """Whatever was reported, each worth is a number, and no more are returned than asked for."""
    trials = []
    for number, value in enumerate(values):
        reports = {} if value is None else {1: value}
        state = TrialState.PRUNED if value is None or not math.isfinite(value) else TrialState.COMPLETE
        trial = create_trial(
            state=state,
            params={"x": number / 20},
            distributions={"x": SPACE["x"]},
            value=value if state == TrialState.COMPLETE else None,
            intermediate_values=reports,
        )
        trial.number = number
        trials.append(trial)
    worth = worth_of(trials, StudyDirection.MINIMIZE, most=most)
    assert len(worth) == min(most, sum(value is not None for value in values))
    assert all(math.isfinite(value) for _, value in worth)
