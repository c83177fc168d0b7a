# SPDX-License-Identifier: MIT
"""Places of trials whose parameters differ: a parameter that a trial lacks lies in the middle, and a column says so.

Whether a new point will have a parameter is decided by the user's code, in a way nobody here knows. It is taken from
the tried trial that is nearest to the point in the parameters that all trials have, a category counting most.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial

from hyperopt_app.sampling.curves.cube import Cube, Floats

__all__ = ["Places", "common_space"]


def common_space(trials: Sequence[FrozenTrial]) -> dict[str, BaseDistribution]:
    """Return the latest distribution of every parameter that any of the trials has, without those of one value."""
    space: dict[str, BaseDistribution] = {}
    for trial in trials:
        space.update(trial.distributions)
    return {name: distribution for name, distribution in space.items() if not distribution.single()}


class Places:
    """Points of the cube with the columns that say which parameters are there.

    Args:
        cube: The cube of all parameters.
        trials: The trials to learn from, at least one.

    Attributes:
        cube: That cube.
        width: Columns of a place.
    """

    def __init__(self, cube: Cube, trials: Sequence[FrozenTrial]) -> None:
        self.cube = cube
        has = {name: tuple(name in trial.params for trial in trials) for name in cube.space}
        # Parameters that come and go together have one column.
        patterns = sorted({pattern for pattern in has.values() if not all(pattern)})
        self._groups = [[name for name in cube.space if has[name] == pattern] for pattern in patterns]
        self.width = cube.width + len(self._groups)
        self._known = np.array([cube.point(trial.params) for trial in trials])
        self._active = np.array([[pattern[at] for pattern in patterns] for at in range(len(trials))], dtype=float)
        self._weights = self._weights_of({name for name in cube.space if all(has[name])})

    def _weights_of(self, common: set[str]) -> Floats:
        weights = np.zeros(self.cube.width)
        for name in common:
            is_category = isinstance(self.cube.space[name], CategoricalDistribution)
            weights[self.cube.columns(name)] = self.cube.width if is_category else 1.0
        return weights

    def of(self, params: Mapping[str, object]) -> Floats:
        """Return the place of a trial's parameters, shape (width,)."""
        flags = [float(any(name in params for name in group)) for group in self._groups]
        return np.concatenate([self.cube.point(params), flags])

    def of_points(self, points: Floats) -> Floats:
        """Return the places of new points of the cube, shape (n, width)."""
        if not self._groups:
            return points
        gaps = ((points[:, None, :] - self._known) ** 2 @ self._weights) if len(points) else np.zeros((0, 1))
        flags = self._active[gaps.argmin(axis=1)]
        places = points.copy()
        for group, active in zip(self._groups, flags.T, strict=True):
            for name in group:
                columns = self.cube.columns(name)
                places[active == 0, columns] = self.cube.point({})[columns]
        return np.concatenate([places, flags], axis=1)
