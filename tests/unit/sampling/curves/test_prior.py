# SPDX-License-Identifier: MIT
"""What the user believes: where points lie near it, what they are believed to be worth, and when it is given up."""

from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution

from hyperopt_app.sampling.curves.cube import Cube
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
    """In the median of five seeds, on a bowl with its best at x = 0.3, y = 0.1, n = 5, kind = b."""
    right, wrong = {"x": 0.3, "y": 0.1, "kind": "b"}, {"x": 0.95, "y": 2e-3, "kind": "a"}
    helped, misled, alone = (
        float(np.median([_best(prior, seed) for seed in range(5)])) for prior in (right, wrong, {})
    )
    assert helped < alone
    assert misled - 0.125 < 2.5 * (alone - 0.125)  # 0.125 is what is left of every curve at its end


def test_a_prior_of_unknown_parameters_changes_nothing() -> None:
    """It says nothing of any point of the cube, so the search is that without it."""
    assert _best({"elsewhere": 3}, 0) == _best({}, 0)
