# SPDX-License-Identifier: MIT
"""Places of trials whose parameters differ, where the conditions of the space are known."""

from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, create_trial

from hyperopt_app.sampling.curves.activity import Places
from hyperopt_app.sampling.curves.cube import Cube
from hyperopt_app.sampling.samplers import with_tree

SPACE: dict[str, BaseDistribution] = {
    "a": CategoricalDistribution(("x", "y")),
    "b": FloatDistribution(0.0, 1.0),
    "c": IntDistribution(1, 3),
    "d": FloatDistribution(0.0, 1.0),
    "e": FloatDistribution(0.0, 1.0),
}
TREE: dict[str, list[dict[str, list[Any]]]] = {
    "b": [{"a": ["y"]}],
    "c": [{"a": ["y"]}],
    "d": [{"a": ["y"], "c": [2, 3]}],
    "e": [{"a": ["x"]}, {"c": [3]}],
}


def _trial(**params: object) -> FrozenTrial:
    return create_trial(params=params, distributions={name: SPACE[name] for name in params}, value=0.0)


def test_a_point_is_where_the_conditions_put_it() -> None:
    """Not where the nearest tried trial lies: one of the two has never had a point of its branch."""
    cube = Cube(SPACE)
    places = Places(cube, [_trial(a="x", e=0.1), _trial(a="y", b=0.2, c=1)], TREE)
    points: list[dict[str, Any]] = [{"a": "x"}, {"a": "y", "c": 1}, {"a": "y", "c": 2}, {"a": "y", "c": 3}]
    rest: dict[str, Any] = {"b": 0.9, "c": 1, "d": 0.9, "e": 0.9}
    rows = np.array([cube.point({**rest, **point}) for point in points])
    flags = places.of_points(rows)[:, cube.width :]
    assert places.width == cube.width + 3  # b and c come and go together
    assert flags.tolist() == [[0, 0, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    settled = places.settled(rows)
    assert (settled == places.of_points(rows)[:, : cube.width]).all()
    assert settled[:, cube.columns("d")].ravel().tolist() == [0.5, 0.5, 0.9, 0.9]
    assert settled[0, cube.columns("b")].tolist() == [0.5]


def test_a_place_of_a_trial_is_that_of_its_point() -> None:
    """What a model has learnt of a trial holds for a point with the same parameters."""
    cube = Cube(SPACE)
    trials = [_trial(a="x", e=0.1), _trial(a="y", b=0.2, c=2, d=0.3), _trial(a="y", b=0.2, c=3, d=0.3, e=0.4)]
    places = Places(cube, trials, TREE)
    for trial in trials:
        assert np.array_equal(places.of(trial.params), places.of_points(cube.point(trial.params)[None])[0])


def test_samplers_are_given_the_tree_as_they_take_it() -> None:
    """TPE as groups, unless the user models each parameter by itself or there are several objectives."""
    tpe, curves = "optuna.samplers.TPESampler", "hyperopt_app.sampling.curves.sampler.CurvesSampler"
    assert with_tree({"_target_": tpe}, TREE, 1) == {"_target_": tpe, "multivariate": True, "group": True}
    assert with_tree({"_target_": curves}, TREE, 1) == {"_target_": curves, "conditions": TREE}
    for node, tree, directions in (
        ({"_target_": tpe}, {}, 1),
        ({"_target_": tpe}, TREE, 2),
        ({"_target_": tpe, "multivariate": False}, TREE, 1),
        ({"_target_": "optuna.samplers.RandomSampler"}, TREE, 1),
    ):
        assert with_tree(node, tree, directions) == node
