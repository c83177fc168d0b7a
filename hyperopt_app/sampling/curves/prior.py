# SPDX-License-Identifier: MIT
"""Where the user believes the best configuration to be: near given values, until the study shows otherwise.

While the belief holds, some of the spread points lie near it, and the expected improvement of a point near it counts
more, the less so the more trials there are. A belief holds while trials near it are better than others.
"""

import math
import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution

from hyperopt_app.sampling.curves.cube import Cube, Floats

__all__ = ["Prior"]

# The standard deviation of the belief in a number, as a share of its range, and the chance of the believed choice.
_WIDTH, _SURE = 0.15, 0.75
# Trials after which the belief weighs as much as what was seen.
_STRENGTH = 6.0
# So many standard deviations around the belief are near it.
_NEAR = 2.0
# Chances that a trial near the belief is better than another: from the first on it counts, from the second on whole.
_DOUBTED, _TRUSTED = 0.6, 0.85
_LEAST_TRIALS = 6
_quantile = np.vectorize(statistics.NormalDist().inv_cdf, otypes=[float])


class Prior:
    """A belief about some parameters.

    Args:
        cube: The cube of the search.
        params: Parameter to believed value; parameters that are not in the cube are left out.
    """

    def __init__(self, cube: Cube, params: Mapping[str, Any]) -> None:
        believed = {name: value for name, value in params.items() if name in cube.space}
        self._cube, self._centre = cube, cube.point(believed)
        self._numbers: list[int] = []
        self._choices: list[slice] = []
        for name in believed:
            columns = cube.columns(name)
            if isinstance(cube.space[name], CategoricalDistribution):
                self._choices.append(columns)
            else:
                self._numbers.append(columns.start)

    def near(self, points: Floats, rng: np.random.Generator) -> Floats:
        """Return points near the belief, spread there as the given ones are over the cube; shape (n, width)."""
        points = points.copy()
        there = self._centre[self._numbers] + _WIDTH * _quantile(np.clip(points[:, self._numbers], 1e-6, 1 - 1e-6))
        points[:, self._numbers] = np.clip(there, 0.0, 1.0)
        for columns in self._choices:
            points[rng.random(len(points)) < _SURE, columns] = self._centre[columns]
        return self._cube.snapped(points)

    def log_density(self, points: Floats) -> Floats:
        """Return the logarithm of the belief in points, 0 at its centre, shape (n,)."""
        off = (points[:, self._numbers] - self._centre[self._numbers]) / _WIDTH
        density: Floats = -0.5 * (off**2).sum(axis=1)
        for columns in self._choices:
            density += np.where(self._differs(points, columns), math.log((1 - _SURE) / _SURE), 0.0)
        return density

    def weight(self, points: Floats, values: Floats) -> float:
        """Return how much the belief counts after these trials, 0 if those near it are no better than others.

        Args:
            points: Of the trials, shape (n, width).
            values: What they are worth, larger is better.
        """
        strength = _STRENGTH / max(len(points), 1)
        near = self._is_near(points) if len(points) >= _LEAST_TRIALS else np.zeros(len(points), dtype=bool)
        if not near.any() or near.all():
            return strength
        better = float((values[near][:, None] > values[~near]).mean())
        return strength * min(max((better - _DOUBTED) / (_TRUSTED - _DOUBTED), 0.0), 1.0)

    def _is_near(self, points: Floats) -> Any:
        off = np.abs(points[:, self._numbers] - self._centre[self._numbers])
        same = [~self._differs(points, columns) for columns in self._choices]
        return np.logical_and.reduce([(off <= _NEAR * _WIDTH).all(axis=1), *same])

    def _differs(self, points: Floats, columns: slice) -> Any:
        return points[:, columns].argmax(axis=1) != self._centre[columns].argmax()
