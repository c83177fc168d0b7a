# SPDX-License-Identifier: MIT
"""Map parameters to points of the unit cube and back: a column for each number, one for each choice of a category."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from hyperopt_app.space.space import index_of

__all__ = ["Cube", "Floats"]

Floats = NDArray[np.float64]

# An edge of a whole number's cell; a little less than half, so that rounding never leaves the range.
_HALF = 0.499
# A step of the perturbation around a good point, as a share of the range; drawn anew for each neighbour.
_WIDTHS = (0.025, 0.1, 0.2)
_STAY = 0.5  # the chance that a column of a neighbour stays where it is
_SWAP = 0.15  # the chance that a category of a neighbour is drawn anew


class _Number:
    """A number's column: the range, on its scale, is [0, 1]; each step of the range has a cell of equal width."""

    def __init__(self, distribution: Any) -> None:
        self._distribution = distribution
        low, high, step = float(distribution.low), float(distribution.high), distribution.step
        half = 0.0 if step is None else _HALF * float(step)
        self._low = self._scaled(max(low - half, low * (1 - _HALF)) if distribution.log else low - half)
        self._span = max(self._scaled(high + half) - self._low, 1e-12)

    def _scaled(self, value: float) -> float:
        return math.log(value) if self._distribution.log else value

    def unit(self, value: float) -> float:
        """Return where a value lies, in [0, 1] if it is within the range."""
        if self._distribution.log and value <= 0:
            return 0.0
        return min(max((self._scaled(float(value)) - self._low) / self._span, 0.0), 1.0)

    def value(self, unit: float) -> float | int:
        """Return the value at a place, one that the distribution takes."""
        distribution = self._distribution
        scaled = self._low + float(unit) * self._span
        number = math.exp(scaled) if distribution.log else scaled
        if distribution.step is not None:
            number = distribution.low + distribution.step * round((number - distribution.low) / distribution.step)
        number = min(max(number, distribution.low), distribution.high)
        return float(number) if isinstance(distribution, FloatDistribution) else round(number)

    def snapped(self, units: Floats) -> Floats:
        """Return the places of the values at these places."""
        if self._distribution.step is None and self._distribution.high > self._distribution.low:
            return units
        return np.array([self.unit(self.value(unit)) for unit in units], dtype=float)


class Cube:
    """The unit cube of a search space.

    Args:
        space: Name to distribution. The columns go by the names' order, whatever the order of the mapping.

    Attributes:
        space: The same, sorted by name.
        width: The number of columns.
    """

    def __init__(self, space: Mapping[str, BaseDistribution]) -> None:
        self.space = dict(sorted(space.items()))
        self._numbers: dict[str, tuple[int, _Number]] = {}
        self._categories: dict[str, tuple[slice, Sequence[Any]]] = {}
        self.width = 0
        for name, distribution in self.space.items():
            if isinstance(distribution, CategoricalDistribution):
                end = self.width + len(distribution.choices)
                self._categories[name] = (slice(self.width, end), distribution.choices)
                self.width = end
            else:
                self._numbers[name] = (self.width, _Number(distribution))
                self.width += 1

    def columns(self, name: str) -> slice:
        """Return the columns of a parameter."""
        if name in self._categories:
            return self._categories[name][0]
        column = self._numbers[name][0]
        return slice(column, column + 1)

    def point(self, params: Mapping[str, Any]) -> Floats:
        """Return the point of a trial's parameters, shape (width,); what the trial lacks lies in the middle."""
        point = np.full(self.width, 0.5)
        for name, (column, number) in self._numbers.items():
            if name in params:
                point[column] = number.unit(params[name])
        for name, (columns, choices) in self._categories.items():
            index = index_of(choices, params[name]) if name in params else None
            point[columns] = 1 / len(choices) if index is None else np.eye(len(choices))[index]
        return point

    def has(self, points: Floats, name: str, values: Sequence[Any]) -> NDArray[np.bool_]:
        """Whether a parameter has one of these values at each point, shape (n,)."""
        if name in self._categories:
            columns, choices = self._categories[name]
            wanted = [index for value in values if (index := index_of(choices, value)) is not None]
            return np.isin(points[:, columns].argmax(axis=1), wanted)
        column, number = self._numbers[name]
        return np.isin([number.value(unit) for unit in points[:, column]], values)

    def params(self, point: Floats) -> dict[str, Any]:
        """Return the parameters at a point; of a category the choice with the largest column."""
        params: dict[str, Any] = {name: number.value(point[column]) for name, (column, number) in self._numbers.items()}
        for name, (columns, choices) in self._categories.items():
            params[name] = choices[int(point[columns].argmax())]
        return {name: params[name] for name in self.space}

    def snapped(self, points: Floats) -> Floats:
        """Return points where their parameters lie: whole categories, numbers on their steps; shape (n, width)."""
        points = points.copy()
        for column, number in self._numbers.values():
            points[:, column] = number.snapped(points[:, column])
        for columns, choices in self._categories.values():
            points[:, columns] = np.eye(len(choices))[points[:, columns].argmax(axis=1)]
        return points

    def uniform(self, rng: np.random.Generator, count: int) -> Floats:
        """Return random points, shape (count, width)."""
        return self.snapped(rng.random((count, self.width)))

    def neighbours(
        self, rng: np.random.Generator, centres: Floats, count: int, widths: Sequence[float] = _WIDTHS
    ) -> Floats:
        """Return random points near some of the centres, shape (count, width).

        Args:
            rng: Draws them.
            centres: Shape (n, width).
            count: How many.
            widths: The standard deviation of a neighbour's steps, one of these, as a share of the range.
        """
        base = centres[rng.integers(len(centres), size=count)]
        moved = base + rng.normal(size=base.shape) * rng.choice(widths, size=(count, 1))
        points = np.where(rng.random(base.shape) < _STAY, base, np.clip(moved, 0.0, 1.0))
        for columns, choices in self._categories.values():
            points[:, columns] = base[:, columns]
            swapped = rng.random(count) < _SWAP
            points[swapped, columns] = rng.random((int(swapped.sum()), len(choices)))
        return self.snapped(points)

    def spread(self, shift: Floats, number: int) -> Floats:
        """Return point `number` of an evenly spread sequence that any worker can compute for itself, shape (width,).

        Args:
            shift: Where the sequence begins, at least `width` numbers in [0, 1).
            number: From 0.
        """
        ratio = 2.0
        for _ in range(64):  # the root of x^(width + 1) = x + 1, whose powers make an additive recurrence even
            ratio = (1 + ratio) ** (1 / (self.width + 1))
        steps = ratio ** -np.arange(1.0, self.width + 1)
        point: Floats = self.snapped(((shift[: self.width] + (number + 1) * steps) % 1.0)[None])[0]
        return point
