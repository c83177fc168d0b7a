# SPDX-License-Identifier: MIT
"""The search for the point whose final value is expected to improve most."""

import numpy as np
import optuna
import pytest

from hyperopt_app.sampling.curves.acquisition import Acquisition, log_improvement, model_of
from hyperopt_app.sampling.curves.cube import Floats
from hyperopt_app.sampling.curves.model import CurveModel
from hyperopt_app.sampling.curves.observations import Observations, learning, observe
from tests.unit.sampling.curves._searches import bowl, searched


@pytest.fixture(scope="module")
def seen() -> Observations:
    """What a small search has reported."""
    return observe(learning(searched(optuna.create_study(), bowl, 20).trials), maximize=False)


@pytest.fixture(scope="module")
def model(seen: Observations) -> CurveModel:
    """The model of it."""
    return model_of(seen, np.random.default_rng(1))


def _gains(seen: Observations, model: CurveModel, points: Floats) -> Floats:
    """The logarithms of the expected improvements at some points; of tried ones there is none."""
    end = np.full((len(points), 1), seen.ends[0, -1])
    rows = np.concatenate([seen.places.of_points(points), end], axis=1)
    gains = log_improvement(*model.predict(rows), model.predict(seen.ends)[0].max())
    tried = seen.ends[:, : seen.places.cube.width]
    gaps = np.linalg.norm(points[:, None] - tried, axis=2).min(axis=1)
    return np.where(gaps > 1e-3, gains, -np.inf)


def test_the_best_candidate_is_improved(seen: Observations, model: CurveModel) -> None:
    """What is chosen promises as much as three thousand candidates do, and lies where parameters do."""
    acquisition = Acquisition(seen, model, np.random.default_rng(2))
    candidates, many = acquisition.candidates(300), acquisition.candidates(3000)
    chosen = acquisition.best(candidates)
    gain = _gains(seen, model, chosen[None])[0]
    assert gain > _gains(seen, model, candidates).max() + 0.01
    assert gain > _gains(seen, model, many).max() - 0.1
    assert np.array_equal(seen.places.cube.snapped(chosen[None])[0], chosen)


def test_what_is_improved_stays_where_it_may_be(seen: Observations, model: CurveModel) -> None:
    """Also where no neighbour of the best candidates may be tried."""
    column = seen.places.cube.columns("x").start

    def left(points: Floats) -> Floats:
        return points[points[:, column] < 0.2]

    acquisition = Acquisition(seen, model, np.random.default_rng(3), left)
    assert acquisition.best(acquisition.candidates(300))[column] < 0.2
    only = acquisition.candidates(300)[:5]
    alone = Acquisition(seen, model, np.random.default_rng(3), lambda points: points[:0])
    assert alone.best(only) in only


def test_without_any_candidate_the_algebra_fails(seen: Observations, model: CurveModel) -> None:
    """So that the sampler takes a spread point."""
    acquisition = Acquisition(seen, model, np.random.default_rng(3), lambda points: points[:0])
    with pytest.raises(np.linalg.LinAlgError, match="no candidate meets the constraints"):
        acquisition.candidates(100)


def test_points_are_a_thousandth_apart(seen: Observations, model: CurveModel) -> None:
    """What nearly is a tried point is not tried, unless nothing else is there."""
    width = seen.places.cube.width
    tried = seen.ends[:, :width]
    column = seen.places.cube.columns("x").start
    beside = tried[:1].copy()
    beside[0, column] = abs(beside[0, column] - 5e-4)
    acquisition = Acquisition(seen, model, np.random.default_rng(4), lambda points: points[:0])
    away = acquisition.best(np.concatenate([tried, beside, np.full((1, width), 0.123)]))
    assert away[column] == pytest.approx(0.123)
    assert np.allclose(acquisition.best(beside), beside[0])
