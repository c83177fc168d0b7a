# SPDX-License-Identifier: MIT
"""Where the user believes the best configuration to be: near given values."""

import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution

from hyperopt_app.sampling.curves.cube import Cube, Floats

__all__ = ["Prior"]

# The standard deviation of the belief in a number, as a share of its range, and the chance of the believed choice.
_WIDTH, _SURE = 0.15, 0.75
# How far the believed values reach, as a share of the ranges, how much better they are believed to be than values far
# away, in standard deviations, and as which squared distance another choice counts.
_REACH, _HEIGHT, _OTHER_CHOICE = 0.3, 2.0, 2.0
_quantile = np.vectorize(statistics.NormalDist().inv_cdf, otypes=[float])


class Prior:
    """A belief about some parameters.

    Args:
        cube: The cube of the search.
        params: Parameter to believed value; parameters that are not in the cube are left out.
    """

    is_ranking = False

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

    def scores(self, points: Floats) -> Floats:
        """Return what points are believed to be worth in the end: most at the believed values, shape (n,)."""
        off = (points[:, self._numbers] - self._centre[self._numbers]) / _REACH
        squares: Floats = (off**2).sum(axis=1)
        for columns in self._choices:
            squares += np.where(self._differs(points, columns), _OTHER_CHOICE, 0.0)
        best: Floats = _HEIGHT * np.exp(-0.5 * squares)
        return best

    def _differs(self, points: Floats, columns: slice) -> Any:
        return points[:, columns].argmax(axis=1) != self._centre[columns].argmax()
