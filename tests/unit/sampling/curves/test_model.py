# SPDX-License-Identifier: MIT
"""The Gaussian process over point and progress."""

import numpy as np
import pytest

from hyperopt_app.sampling.curves.acquisition import log_improvement
from hyperopt_app.sampling.curves.model import CurveModel


def _rows(rng: np.random.Generator, count: int, width: int) -> np.ndarray:
    return np.concatenate([rng.random((count, width)), rng.choice([0.0, 0.5, 1.0], size=(count, 1))], axis=1)


def _smooth(rows: np.ndarray) -> np.ndarray:
    return np.asarray(np.sin(3 * rows[:, 0]) + 0.5 * rows[:, -1] - 0.6)


def test_the_slope_is_that_of_the_value() -> None:
    """Each part of the gradient is the difference quotient of the density, so that the fit climbs where it should."""
    rng = np.random.default_rng(1)
    model, rows = CurveModel(3, has_luck=True), _rows(rng, 20, 3)
    scores, logs = rng.normal(size=20), rng.normal(size=9) * 0.3
    slope, _ = model._slope(logs, rows, scores)
    for at in range(len(logs)):
        step = np.eye(len(logs))[at] * 1e-5
        rise = model._slope(logs + step, rows, scores)[1] - model._slope(logs - step, rows, scores)[1]
        assert slope[at] == pytest.approx(rise / 2e-5, rel=1e-3, abs=1e-4)


def test_it_predicts_what_it_has_not_seen() -> None:
    """Fitted to a smooth function, it predicts it elsewhere and knows about how well."""
    rng = np.random.default_rng(2)
    rows, others = _rows(rng, 60, 2), _rows(rng, 40, 2)
    model = CurveModel(2)
    model.fit(rows, _smooth(rows), 30)
    model.condition(rows, _smooth(rows))
    means, deviations = model.predict(others)
    off = np.abs(means - _smooth(others))
    assert off.max() < 0.1
    assert np.mean(off < 3 * deviations) > 0.9


def test_a_fit_never_makes_it_worse() -> None:
    """The hyperparameters with the largest density seen are kept, wherever the steps end."""
    rng = np.random.default_rng(3)
    rows = _rows(rng, 30, 2)
    values = []
    for steps in (1, 5, 30):
        model = CurveModel(2)
        model.fit(rows, _smooth(rows), steps)
        values.append(model._slope(model.logs, rows, _smooth(rows))[1])
    assert values == sorted(values, reverse=True)


def test_early_reports_that_mislead_are_found_out() -> None:
    """Where ranks at the start say nothing about the end, an early report moves the forecast of the end little."""
    rng = np.random.default_rng(4)
    points = rng.random((40, 1))
    early = np.concatenate([points, np.zeros((40, 1))], axis=1)
    late = np.concatenate([points, np.ones((40, 1))], axis=1)
    rows = np.concatenate([early, late])
    honest = np.concatenate([np.sin(9 * points[:, 0]), np.sin(9 * points[:, 0])])
    lying = np.concatenate([rng.normal(size=40), np.sin(9 * points[:, 0])])
    shares = []
    for scores in (honest, lying):
        model = CurveModel(1)
        model.fit(rows, scores, 30)
        model.condition(np.array([[0.5, 0.0]]), np.array([2.0]))
        shares.append(model.predict(np.array([[0.5, 1.0]]))[0][0])
    assert shares[1] < shares[0]


def test_early_ranks_that_are_the_wrong_way_round_are_found_out() -> None:
    """Where the best begin as the worst, a bad early report raises the forecast, and early and late disagree."""
    points = np.random.default_rng(5).random((40, 1))
    early = np.concatenate([points, np.zeros((40, 1))], axis=1)
    late = np.concatenate([points, np.ones((40, 1))], axis=1)
    values = np.sin(9 * points[:, 0])
    agreements, forecasts = [], []
    for sign in (1.0, -1.0):
        model, rows = CurveModel(1), np.concatenate([early, late])
        model.fit(rows, np.concatenate([sign * values, values]), 40)
        agreements.append(model.agreement(0.0, 1.0))
        model.condition(np.array([[0.5, 0.0]]), np.array([-2.0]))
        forecasts.append(model.predict(np.array([[0.5, 1.0], [5.0, 1.0]]))[0])
    assert agreements[0] > 0.8
    assert agreements[1] < 0
    assert forecasts[0][0] < forecasts[0][1]
    assert forecasts[1][0] > forecasts[1][1]


def test_the_luck_of_a_training_is_its_own() -> None:
    """Where seeds move whole curves, a lucky training is expected to end well, and its neighbours as others do."""
    rng = np.random.default_rng(7)
    points, steps = rng.random((30, 1)), (0.0, 0.5, 1.0)
    worth, luck = np.sin(3 * points[:, 0]) - 0.6, rng.normal(size=30)
    luck[3] = 2.5
    rows = np.concatenate([np.concatenate([points, np.full((30, 1), at)], axis=1) for at in steps])
    seen = np.ones(len(rows), dtype=bool)
    seen[[33, 63]] = False  # of the lucky training the first report alone
    model = CurveModel(1, has_luck=True)
    model.fit(rows[seen], np.tile(worth + luck, 3)[seen], 40)
    model.condition(rows[seen], np.tile(worth + luck, 3)[seen])
    place = points[3, 0]
    (own, beside), (sure, unsure) = model.predict(np.array([[place, 1.0], [place + 1e-3, 1.0]]))
    assert own > worth[3] + 1.5
    assert beside < worth[3] + 1.0
    assert unsure > sure + 0.3


def test_the_improvement_is_stable_far_below_the_best() -> None:
    """It falls all the way down, where the expected improvement itself is zero in floating point."""
    means = np.array([0.0, -3.0, -4.9, -5.1, -10.0, -50.0, -500.0])
    gains = log_improvement(means, np.ones(7), 0.0)
    assert np.isfinite(gains).all()
    assert (np.diff(gains) < 0).all()
    assert gains[0] == pytest.approx(np.log(1 / np.sqrt(2 * np.pi)))


def test_what_lasts_is_seen_early_as_far_as_the_reports_agree() -> None:
    """All of it where curves keep their ranks, its reverse where they reverse them, and all of it at the end."""
    rng = np.random.default_rng(6)
    points = rng.random((40, 1))
    rows = np.concatenate([np.concatenate([points, np.full((40, 1), at)], axis=1) for at in (0.0, 1.0)])
    ends = np.sin(3 * points[:, 0]) - 0.6
    for sign in (1.0, -1.0):
        model = CurveModel(1)
        model.fit(rows, np.concatenate([sign * ends, ends]), 40)
        early, late = model.lasting(np.array([0.0, 1.0]))
        assert late == 1.0
        assert sign * early > 0.3
