# SPDX-License-Identifier: MIT
"""Choose the point whose final value is expected to improve most on the best that the model predicts."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from hyperopt_app.sampling.curves.belief import Belief, Trend, confirmed
from hyperopt_app.sampling.curves.cube import Floats
from hyperopt_app.sampling.curves.model import CurveModel
from hyperopt_app.sampling.curves.observations import Observations, subset

__all__ = ["Acquisition", "fit", "log_improvement", "model_of"]

# Reports with which hyperparameters are fitted, and with which the process is conditioned: the cost of either grows
# with the third power.
_MOST_FITTED, _MOST_KNOWN = 100, 300
_FIT_STEPS = 24
# Neighbours are tried of so many places with the best reports, and of so many with the best predicted ends.
_BEST_REPORTS, _BEST_ENDS = 12, 6
# Of the candidates so many are improved, in so many rounds: by so many neighbours of theirs, which are so far away, as
# shares of the range.
_BEST_CANDIDATES, _ROUNDS, _BESIDE, _NARROW = 10, 3, 100, (0.01, 0.025, 0.1)
# The trust in a belief or its reverse from which on hyperparameters are fitted to what it leaves unexplained, and below
# which nothing is expected for its sake: a little of many false beliefs costs more than a little of a true one brings.
_LEAST_TRUST, _DOUBTED = 0.1, 0.3
# How much lower the logarithm of the expected improvement may be near a belief than anywhere.
_LAG = 0.5
_MORE = 10  # so often further candidates are drawn, where constraints leave few
_SAME = 1e-6  # the squared distance up to which two points are as good as the same: a thousandth of a range
_FAR = -5.0  # standard deviations from which on the improvement goes by its asymptote
_erfc = np.vectorize(math.erfc, otypes=[float])


def model_of(
    seen: Observations, rng: np.random.Generator, beliefs: Sequence[Belief] = (), *, has_luck: bool = False
) -> CurveModel:
    """Fit a model to the observations; what is going is believed to end as predicted.

    Args:
        seen: The observations.
        rng: Draws subsets of them.
        beliefs: About the points, before the first report.
        has_luck: Whether configurations owe something to luck of their own.

    Raises:
        numpy.linalg.LinAlgError: The algebra has failed.
    """
    model, cube = CurveModel(seen.places.width, has_luck=has_luck), seen.places.cube
    if _largest(fit(model, seen, rng, beliefs)) < _DOUBTED:
        model.trend = Trend(model, cube, beliefs, [0.0] * len(beliefs))
    known = subset(seen.scores, _MOST_KNOWN, rng)
    rows, scores = seen.rows[known], seen.scores[known]
    model.condition(rows, scores)
    if len(seen.going):
        believed, _ = model.predict(seen.going)
        model.condition(np.concatenate([rows, seen.going]), np.concatenate([scores, believed]))
    return model


def fit(model: CurveModel, seen: Observations, rng: np.random.Generator, beliefs: Sequence[Belief]) -> Trend:
    """Fit a model's hyperparameters to the observations, with the beliefs as far as these confirm them.

    Args:
        model: The model; its hyperparameters and its trend are set.
        seen: The observations.
        rng: Draws a subset of them.
        beliefs: About the points, before the first report.

    Returns:
        The trend with the trust in each belief, from 0 to 1, or below 0 where the reverse of it is true.

    Raises:
        numpy.linalg.LinAlgError: The algebra has failed.
    """
    cube, fitted = seen.places.cube, subset(seen.scores, _MOST_FITTED, rng)
    # First as if nothing were believed, so that a false belief leaves no trace.
    model.trend = trend = Trend(model, cube, beliefs, [0.0] * len(beliefs))
    model.fit(seen.rows[fitted], seen.scores[fitted], _FIT_STEPS)
    if beliefs:
        model.trend = trend = confirmed(model, cube, beliefs, seen.rows[fitted], seen.scores[fitted])
    if _largest(trend) > _LEAST_TRUST:
        model.fit(seen.rows[fitted], seen.scores[fitted], _FIT_STEPS // 2)
        model.trend = trend = confirmed(model, cube, beliefs, seen.rows[fitted], seen.scores[fitted])
    return trend


class Acquisition:
    """The expected improvement of final values on the best that the model predicts, and the search for the largest.

    Args:
        seen: The observations.
        model: `model_of` them.
        rng: Draws the points to choose from.
        allowed: Returns those of some points that may be tried; None if all may.

    Raises:
        numpy.linalg.LinAlgError: By its methods, where the algebra fails.
    """

    def __init__(
        self,
        seen: Observations,
        model: CurveModel,
        rng: np.random.Generator,
        allowed: Callable[[Floats], Floats] | None = None,
    ) -> None:
        self._seen, self._model, self._rng = seen, model, rng
        self._allowed = allowed or _all
        self._best_end = model.predict(seen.ends)[0].max()

    def candidates(self, count: int, further: Sequence[Floats] = ()) -> Floats:
        """Return points to choose from, half of them anywhere and half beside the best: about `count`, and the further.

        Args:
            count: How many to draw.
            further: More of them, each of shape (n, width of the cube).

        Returns:
            Shape (points, width of the cube).

        Raises:
            numpy.linalg.LinAlgError: None of them may be tried.
        """
        seen, cube, rng = self._seen, self._seen.places.cube, self._rng
        means, _ = self._model.predict(seen.ends)
        best_reports = seen.rows[np.argsort(-seen.scores, kind="stable")[:_BEST_REPORTS]]
        best_ends = seen.ends[np.argsort(-means, kind="stable")[:_BEST_ENDS]]
        centres = np.concatenate([best_reports, best_ends])[:, : cube.width]
        half = count // 2
        drawn = [cube.uniform(rng, count - half), cube.neighbours(rng, centres, half), *further]
        points = self._allowed(np.concatenate(drawn))
        for _ in range(_MORE):
            if len(points) >= half:
                break
            more = np.concatenate([cube.uniform(rng, count - half), cube.neighbours(rng, centres, half)])
            points = np.concatenate([points, self._allowed(more)])
        if not len(points):
            raise np.linalg.LinAlgError("no candidate meets the constraints")
        return points

    def best(self, points: Floats) -> Floats:
        """Return the point with the largest expected improvement, shape (width of the cube,).

        Args:
            points: Where the search for it begins, at least one, shape (n, width of the cube).
        """
        return self._most_improving(points)[0]

    def best_near(self, near: Floats, points: Floats) -> Floats | None:
        """Return the best of the points near a belief; None if it promises much less than the best of other points.

        Args:
            near: Points near a belief, shape (n, width of the cube).
            points: Points anywhere, at least one, of the same shape.
        """
        if not len(near):
            return None
        (best, gain), (_, elsewhere) = self._most_improving(near), self._most_improving(points)
        return best if gain > elsewhere - _LAG else None

    def _most_improving(self, points: Floats) -> tuple[Floats, float]:
        """Return the point with the largest expected improvement, and the logarithm of that.

        The improvement has narrow peaks, which random points miss. So the best of the points are improved, in rounds.
        """
        points, gains = self._with_gains(points)
        for _ in range(_ROUNDS):
            best = points[np.argsort(-gains, kind="stable")[:_BEST_CANDIDATES]]
            beside = self._allowed(self._seen.places.cube.neighbours(self._rng, best, _BESIDE, _NARROW))
            if len(beside):
                beside, gains_beside = self._with_gains(beside)
                points, gains = np.concatenate([points, beside]), np.concatenate([gains, gains_beside])
        at = int(gains.argmax())
        if not np.isfinite(gains[at]):
            raise np.linalg.LinAlgError("no candidate has a finite expected improvement")
        return points[at], float(gains[at])

    def _with_gains(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the points that are new, or all if none is, with the logarithms of their expected improvements."""
        seen = self._seen
        points = _untried(seen.places.settled(points), seen.ends[:, : seen.places.cube.width])
        end = np.full((len(points), 1), seen.ends[0, -1])
        means, deviations = self._model.predict(np.concatenate([seen.places.of_points(points), end], axis=1))
        gains = log_improvement(means, deviations, self._best_end)
        return points, np.where(np.isfinite(gains), gains, -np.inf)


def _untried(points: Floats, tried: Floats) -> Floats:
    """Return the points that are not among the tried ones; all of them if none is left."""
    gaps = (points**2).sum(axis=1)[:, None] + (tried**2).sum(axis=1) - 2 * points @ tried.T
    new = gaps.min(axis=1) > _SAME
    return points[new] if new.any() else points


def log_improvement(means: Floats, deviations: Floats, best: float) -> Floats:
    """Return the logarithm of the expected improvement on the best of normal values, stable where it is tiny."""
    ahead = (means - best) / deviations
    density = np.exp(-0.5 * ahead**2) / math.sqrt(2 * math.pi)
    near = np.maximum(ahead, _FAR)
    exact = density + near * 0.5 * _erfc(-near / math.sqrt(2))
    # Far below the best the logarithm of density / ahead^2, without the density, which would underflow.
    far = -0.5 * ahead**2 - 0.5 * math.log(2 * math.pi) - 2 * np.log(np.maximum(np.abs(ahead), 1.0))
    gains: Floats = np.log(deviations) + np.where(ahead > _FAR, np.log(np.maximum(exact, 1e-300)), far)
    return gains


def _largest(trend: Trend) -> float:
    """Return the largest trust in a belief or in its reverse."""
    return max(map(abs, trend.trusts), default=0.0)


def _all(points: Floats) -> Floats:
    return points
