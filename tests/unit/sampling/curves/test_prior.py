# SPDX-License-Identifier: MIT
"""What the user believes: where points lie near it, what they are believed to be worth, and when it is given up."""

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from hyperopt_app.sampling.curves.acquisition import Acquisition, fit, model_of
from hyperopt_app.sampling.curves.cube import Cube, Floats
from hyperopt_app.sampling.curves.earlier import Earlier
from hyperopt_app.sampling.curves.model import CurveModel
from hyperopt_app.sampling.curves.observations import learning, observe
from hyperopt_app.sampling.curves.prior import Prior
from hyperopt_app.sampling.curves.sampler import CurvesSampler
from tests.unit.sampling.curves._searches import bowl, searched

CUBE = Cube(
    {
        "rate": FloatDistribution(1e-5, 1e-1, log=True),
        "kind": CategoricalDistribution(["a", "b", "c"]),
        "x": FloatDistribution(0, 1),
    }
)
BELIEF = Prior(CUBE, {"rate": 1e-3, "kind": "b", "elsewhere": 3})


def test_points_near_it_are_spread_there() -> None:
    """Around the believed number and mostly with the believed choice; what nobody believes anything of is as before."""
    rng = np.random.default_rng(0)
    points = CUBE.uniform(rng, 300)
    near = [CUBE.params(point) for point in BELIEF.near(points, rng)]
    assert 10**-3.3 < np.median([point["rate"] for point in near]) < 10**-2.7
    assert min(point["rate"] for point in near) >= 1e-5
    assert 0.7 < np.mean([point["kind"] == "b" for point in near]) < 0.95
    assert np.allclose([point["x"] for point in near], [CUBE.params(point)["x"] for point in points])


def test_its_worth_falls_with_the_distance() -> None:
    """It is largest at the belief, whatever the other parameters are."""
    there = [{"rate": 1e-3, "kind": "b", "x": 0.1}, {"rate": 1e-3, "kind": "b", "x": 0.9}]
    further = [
        {"rate": 3e-3, "kind": "b", "x": 0.1},
        {"rate": 1e-3, "kind": "a", "x": 0.1},
        {"rate": 1e-1, "kind": "c"},
    ]
    worth = BELIEF.scores(np.array([CUBE.point(params) for params in [*there, *further]]))
    assert worth[0] == worth[1] > worth[2] > worth[4]
    assert worth[0] > worth[3] > worth[4] > 0


def _best(prior: dict[str, Any], seed: int, n_trials: int = 16) -> float:
    study = searched(optuna.create_study(), bowl, n_trials, lambda: CurvesSampler(seed=seed, prior=prior))
    return study.best_value


def test_a_right_prior_helps_and_a_wrong_one_is_given_up() -> None:
    """In the median of twenty seeds, on a bowl with its best at x = 0.3, y = 0.1, n = 5, kind = b."""
    right, wrong = {"x": 0.3, "y": 0.1, "kind": "b"}, {"x": 0.95, "y": 2e-3, "kind": "a"}
    helped, misled, alone = (
        float(np.median([_best(prior, seed) for seed in range(20)])) for prior in (right, wrong, {})
    )
    assert helped < alone
    assert misled - 0.125 < 2.5 * (alone - 0.125)  # 0.125 is what is left of every curve at its end


def test_a_prior_of_unknown_parameters_changes_nothing() -> None:
    """It says nothing of any point of the cube, so the search is that without it."""
    assert _best({"elsewhere": 3}, 0) == _best({}, 0)


def test_a_wrong_prior_is_given_up_and_not_reversed() -> None:
    """Points far from a wrong place are not good for being far; and none is chosen there once the reports are in."""
    rng = np.random.default_rng(4)
    study = searched(optuna.create_study(), bowl, 24, lambda: CurvesSampler(seed=2, spread_every=1))
    seen = observe(learning(study.trials), maximize=False)
    cube = seen.places.cube
    wrong, right = (Prior(cube, params) for params in ({"x": 0.95, "y": 2e-3, "kind": "a"}, {"x": 0.3, "kind": "b"}))
    assert fit(CurveModel(seen.places.width), seen, rng, [wrong]).trusts[0] >= 0
    acquisition = Acquisition(seen, model_of(seen, rng), rng)
    anywhere = acquisition.candidates(200)
    assert acquisition.best_near(wrong.near(cube.uniform(rng, 200), rng), anywhere) is None
    chosen = acquisition.best_near(right.near(cube.uniform(rng, 200), rng), anywhere)
    assert chosen is not None
    assert cube.params(chosen)["kind"] == "b"
    assert acquisition.best_near(anywhere[:0], anywhere) is None


def test_one_trial_in_four_is_near_it_while_it_promises_as_much() -> None:
    """In place of a spread one; of a wrong prior these are spread ones again."""

    def near(prior: dict[str, Any]) -> int:
        study = searched(optuna.create_study(), bowl, 45, lambda: CurvesSampler(seed=5, prior=prior))
        alone = searched(optuna.create_study(), bowl, 45, lambda: CurvesSampler(seed=5))
        pairs = list(zip(study.trials, alone.trials, strict=True))[16::4]
        return sum(own.params != spread.params for own, spread in pairs)

    assert near({"x": 0.3, "y": 0.1, "kind": "b"}) > 3 > near({"x": 0.95, "y": 2e-3, "kind": "a"})


def test_what_is_believed_shortens_the_start() -> None:
    """Of five first trials one lies near the belief; then the model chooses, which it does after eight otherwise."""
    study = searched(optuna.create_study(), bowl, 8, lambda: CurvesSampler(seed=5, prior={"x": 0.3}))
    alone = searched(optuna.create_study(), bowl, 8, lambda: CurvesSampler(seed=5))
    is_spread = [own.params == spread.params for own, spread in zip(study.trials, alone.trials, strict=True)]
    assert is_spread == [True, True, True, False, True, False, True, False]


def test_a_point_near_it_that_may_not_be_tried_is_not() -> None:
    """Not even the one of the first trials; the very first point is drawn by TPE, which others restrict."""

    def made() -> CurvesSampler:
        sampler = CurvesSampler(seed=3, prior={"x": 0.3, "kind": "b"})
        sampler.restrict(lambda params: params["kind"] == "a")
        return sampler

    study = searched(optuna.create_study(), bowl, 12, made)
    assert {trial.params["kind"] for trial in study.trials[1:]} == {"a"}


def test_it_takes_turns_with_earlier_studies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The prior begins; a turn has the candidates of a whole trial, and other trials half as many of each belief."""
    turns = list[str]()
    for kind in (Prior, Earlier):
        near = kind.near

        def noted(self: Any, points: Floats, rng: np.random.Generator, near: Any = near) -> Floats:
            if len(points) in (1, 40):
                turns.append(type(self).__name__)
            found: Floats = near(self, points, rng)
            return found

        monkeypatch.setattr(kind, "near", noted)
    earlier = [{"params": {"x": at / 9, "y": 0.1}, "worth": at - 4.5} for at in range(10)]
    searched(
        optuna.create_study(),
        bowl,
        17,
        lambda: CurvesSampler(seed=3, prior={"x": 0.3}, earlier=earlier, n_candidates=40),
    )
    assert turns == ["Prior", "Earlier", "Prior", "Earlier"]
