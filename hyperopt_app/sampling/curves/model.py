# SPDX-License-Identifier: MIT
"""A Gaussian process over (point, progress): what a training with these parameters reports at that part of its length.

The covariance of two reports is

    M(x, x') (w(t) w(t') + b k(t, t')) + d [x = x'] (1 + k(t, t')) / 2 + 1 + t t'

with M a Matern 5/2 kernel that has a length for each column of the cube, and k(t, t') = exp(-(t - t')^2 / 2 l^2).
w(t) = sqrt(a) + c (1 - t) is what a configuration is worth from first to last, b what it is worth for a while only, and
d what it owes to luck: the seeds of its trainings move its curve, half of it to the end, and say nothing of neighbours.
With a negative c, w changes its sign: what looks bad early is good in the end. So the model learns from the study how
far early reports can be trusted. The logarithms of the lengths, a, b, l, d and the noise, and c, are fitted to the
largest posterior density, by the signs of its slope.
"""

import math
from collections.abc import Callable
from operator import itemgetter

import numpy as np

from hyperopt_app.sampling.curves.cube import Floats

__all__ = ["CurveModel"]

_ROOT5 = math.sqrt(5)
_JITTER = 1e-6
_LEAST_VARIANCE = 1e-9
# What is expected of the hyperparameters before any report: centre and width of their logarithms, of c itself.
_LENGTH = (math.log(0.8), 1.0)
_STEADY, _PASSING, _DURATION = (0.0, 1.0), (math.log(0.3), 1.0), (math.log(0.5), 0.7)
_DRIFT, _LUCK, _NOISE = (0.0, 0.7), (math.log(1e-2), 1.5), (math.log(1e-2), 1.5)
_BOUNDS = (-7.0, 3.0)
# Rprop: the first step, its change while the slope keeps its sign and when it turns, its bounds.
_FIRST, _FASTER, _SLOWER, _STEPS = 0.15, 1.3, 0.5, (1e-3, 0.6)


class CurveModel:
    """The process for a cube of so many columns; what it is asked and given are rows of a point and a progress.

    Args:
        width: The number of columns.
        has_luck: Whether configurations owe something to luck of their own; else d is 0.

    Attributes:
        logs: The hyperparameters.
        trend: What is expected of rows before any report, shape (n,).

    Raises:
        numpy.linalg.LinAlgError: By `fit` and `condition`, where a covariance cannot be factored.
    """

    def __init__(self, width: int, *, has_luck: bool = False) -> None:
        priors = [*[_LENGTH] * width, _STEADY, _PASSING, _DURATION, _DRIFT, _LUCK, _NOISE]
        self._width, self._has_luck = width, has_luck
        self.trend: Callable[[Floats], Floats] = _no_trend
        self._centre = np.array([centre for centre, _ in priors])
        self._scale = np.array([scale for _, scale in priors])
        self.logs: Floats = self._centre.copy()
        self._rows: Floats = np.zeros((0, width + 1))
        self._inverse: Floats = np.zeros((0, 0))
        self._weights: Floats = np.zeros(0)

    def fit(self, rows: Floats, scores: Floats, steps: int) -> None:
        """Fit the hyperparameters, from where they are.

        With luck, which may explain early reports that reverse too, also from where they mean the reverse of the end.

        Args:
            rows: Shape (n, width + 1).
            scores: What was reported, about standard normal, shape (n,).
            steps: Evaluations of the slope from each start; more is better and costs the third power of n each.
        """
        scores, starts = scores - self.trend(rows), [self.logs.copy()]
        if self._has_luck:
            starts.append(self.logs.copy())
            starts[-1][self._width + 3] = -2 * math.exp(self.logs[self._width] / 2)
        fits = [self._climbed(logs, rows, scores, steps) for logs in starts]
        self.logs = min(fits, key=itemgetter(0))[1]

    def condition(self, rows: Floats, scores: Floats) -> None:
        """Condition the process on reports; replaces those before."""
        self._rows, self._inverse = rows, self._precision(rows)
        self._weights = self._inverse @ (scores - self.trend(rows))
        if not np.isfinite(self._weights).all():
            raise np.linalg.LinAlgError("the covariance of the reports cannot be inverted")

    def predict(self, rows: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of what is reported at these rows without noise, each of shape (n,).

        At a point that has reported it is about that training, elsewhere about one with a luck of its own.
        """
        cross = self._covariance(rows, self._rows)
        passing, luck = np.exp(self.logs[self._width + 1]), self._luck(self.logs)
        before = self._worth(rows[:, -1]) ** 2 + passing + luck + 1 + rows[:, -1] ** 2
        variance = before - ((cross @ self._inverse) * cross).sum(axis=1)
        return self.trend(rows) + cross @ self._weights, np.sqrt(np.maximum(variance, _LEAST_VARIANCE))

    def evidence(self, rows: Floats, residuals: Floats) -> Floats:
        """Return the logarithms of the densities of reports for several trends, but for what they have in common.

        Args:
            rows: Shape (n, width + 1).
            residuals: For each trend, what was reported less what it lets expect, shape (trends, n).
        """
        evidence: Floats = -0.5 * ((residuals @ self._precision(rows)) * residuals).sum(axis=1)
        return evidence

    def lasting(self, progress: Floats) -> Floats:
        """Return how much of what lasts is seen at a progress, as a share of that at the end, in [-1, 1]."""
        shares: Floats = np.clip(self._worth(progress) / self._worth(np.ones(1)), -1.0, 1.0)
        return shares

    def agreement(self, progress: float, end: float) -> float:
        """Return the correlation of what a configuration is worth at a progress and at the end, in [-1, 1]."""
        early, late = self._worth(np.array([progress, end]))
        passing, duration = np.exp(self.logs[self._width + 1 : self._width + 3])
        together = passing * np.exp(-0.5 * ((progress - end) / duration) ** 2)
        return float((early * late + together) / np.sqrt((early**2 + passing) * (late**2 + passing)))

    def _worth(self, progress: Floats) -> Floats:
        """Return w, the standard deviation of what configurations are worth from first to last, with its sign."""
        worth: Floats = np.exp(self.logs[self._width] / 2) + self.logs[self._width + 3] * (1 - progress)
        return worth

    def _luck(self, logs: Floats) -> float:
        return float(np.exp(logs[self._width + 4])) if self._has_luck else 0.0

    def _shared_luck(self, logs: Floats, left: Floats, right: Floats) -> Floats:
        """Return d [x = x'], of one element if it is 0 everywhere: comparing all points takes as long as the rest."""
        if not self._has_luck:
            return np.zeros((1, 1))
        shared: Floats = self._luck(logs) * (left[:, None, : self._width] == right[:, : self._width]).all(axis=2)
        return shared

    def _parts(self, logs: Floats, left: Floats, right: Floats) -> tuple[Floats, ...]:
        """Return the scaled left points, distances, exp(-distances), Matern, k and its argument."""
        width = self._width
        lengths = np.exp(logs[:width])
        one_side, other = left[:, :width] / lengths, right[:, :width] / lengths
        squares = (one_side**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one_side @ other.T
        distance = np.sqrt(np.maximum(squares, 0.0))
        fading = np.exp(-_ROOT5 * distance)
        matern = (1 + _ROOT5 * distance + 5 / 3 * distance**2) * fading
        apart = (left[:, None, width] - right[:, width]) / math.exp(logs[width + 2])
        return one_side, distance, fading, matern, np.exp(-0.5 * apart**2), apart

    def _precision(self, rows: Floats) -> Floats:
        """Return the inverse of the covariance of reports."""
        covariance = self._covariance(rows, rows)
        covariance[np.diag_indices_from(covariance)] += math.exp(self.logs[-1]) + _JITTER
        return np.linalg.inv(covariance).astype(float)

    def _covariance(self, left: Floats, right: Floats) -> Floats:
        *_, matern, together, _apart = self._parts(self.logs, left, right)
        passing = np.exp(self.logs[self._width + 1])
        steady = np.outer(self._worth(left[:, -1]), self._worth(right[:, -1]))
        trend: Floats = 1 + np.outer(left[:, -1], right[:, -1])
        own = self._shared_luck(self.logs, left, right) * (1 + together) / 2
        covariance: Floats = matern * (steady + passing * together) + own + trend
        return covariance

    def _climbed(self, logs: Floats, rows: Floats, scores: Floats, steps: int) -> tuple[float, Floats]:
        """Return the smallest negative log posterior on the way from a start, and the hyperparameters there."""
        size, best, at_best = np.full(len(logs), _FIRST), math.inf, logs
        last: Floats | None = None
        for _ in range(steps):
            slope, value = self._slope(logs, rows, scores)
            if value < best:
                best, at_best = value, logs.copy()
            if last is not None:
                size = np.clip(size * np.where(slope * last > 0, _FASTER, _SLOWER), *_STEPS)
            last = slope
            logs = np.clip(logs - size * np.sign(slope), *_BOUNDS)
        return best, at_best

    def _slope(self, logs: Floats, rows: Floats, scores: Floats) -> tuple[Floats, float]:
        """Return the gradient of the negative log posterior of the hyperparameters, and its value."""
        width = self._width
        points, distance, fading, matern, together, apart = self._parts(logs, rows, rows)
        passing, noise = np.exp(logs[[width + 1, width + 5]])
        luck = self._shared_luck(logs, rows, rows)
        root, left = np.exp(logs[width] / 2), 1 - rows[:, -1]
        worth = root + logs[width + 3] * left
        over_time = np.outer(worth, worth) + passing * together
        own = luck * (1 + together) / 2
        covariance = matern * over_time + own + 1 + np.outer(rows[:, -1], rows[:, -1])
        covariance[np.diag_indices_from(covariance)] += noise + _JITTER
        factor, inverse = np.linalg.cholesky(covariance), np.linalg.inv(covariance)
        weights = inverse @ scores
        outer = 0.5 * (inverse - np.outer(weights, weights))
        by_distance = outer * over_time * (5 / 3 * (1 + _ROOT5 * distance) * fading)
        by_matern = outer * matern
        by_passing, by_fading = passing * by_matern * together, outer * luck * together / 2
        slope = np.concatenate(
            [
                2 * (by_distance.sum(axis=1) @ points**2) - 2 * ((by_distance @ points) * points).sum(axis=0),
                [root * (by_matern @ worth).sum(), by_passing.sum()],
                [((by_passing + by_fading) * apart**2).sum(), 2 * left @ (by_matern @ worth)],
                [(outer * own).sum(), noise * np.trace(outer)],
            ]
        )
        off = (logs - self._centre) / self._scale
        value = 0.5 * scores @ weights + np.log(np.diag(factor)).sum() + 0.5 * off @ off
        return slope + off / self._scale, float(value)


def _no_trend(rows: Floats) -> Floats:
    return np.zeros(len(rows))
