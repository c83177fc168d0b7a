# SPDX-License-Identifier: MIT
"""Places of trials whose parameters differ: a parameter that a trial lacks lies in the middle, and a column says so.

Whether a new point will have a parameter follows from the conditions of the space, where these are known. Else the
user's code decides it in a way nobody here knows, and it is taken from the tried trial that is nearest to the point in
the parameters that all trials have, a category counting most.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial

from hyperopt_app.sampling.curves.cube import Cube, Floats

__all__ = ["Places", "Tree", "common_space"]

# Parameter to the cases in which it is searched: other parameter to values, as `space.Space.tree` has it.
Tree = Mapping[str, Sequence[Mapping[str, Sequence[Any]]]]


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
        tree: What is known of parameters that not all trials have.

    Attributes:
        cube: That cube.
        width: Columns of a place.
    """

    def __init__(self, cube: Cube, trials: Sequence[FrozenTrial], tree: Tree | None = None) -> None:
        self.cube = cube
        has = {name: tuple(name in trial.params for trial in trials) for name in cube.space}
        known = {name: cases for name, cases in (tree or {}).items() if name in cube.space}
        # Parameters that come and go together have one column.
        of_tree: dict[str, list[str]] = {}
        for name in cube.space:
            if name in known:
                of_tree.setdefault(repr(known[name]), []).append(name)
        self._branches = [(names, known[names[0]]) for names in of_tree.values()]
        patterns = sorted({pattern for name, pattern in has.items() if name not in known and not all(pattern)})
        others = [[name for name in cube.space if name not in known and has[name] == pattern] for pattern in patterns]
        self._groups = [*others, *(names for names, _ in self._branches)]
        self._count_of_others = len(others)
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
        flags = np.zeros((len(points), 0))
        if self._count_of_others:
            gaps = ((points[:, None, :] - self._known) ** 2 @ self._weights) if len(points) else np.zeros((0, 1))
            flags = self._active[gaps.argmin(axis=1)]
        branches = [self._is_in(points, cases).astype(float)[:, None] for _, cases in self._branches]
        flags = np.concatenate([flags, *branches], axis=1)
        return np.concatenate([self._without(points, flags), flags], axis=1)

    def settled(self, points: Floats) -> Floats:
        """Return points with what the space's conditions leave out of them in the middle, shape as it was."""
        if not self._branches:
            return points
        branches = [self._is_in(points, cases).astype(float)[:, None] for _, cases in self._branches]
        others = np.ones((len(points), self._count_of_others))
        return self._without(points, np.concatenate([others, *branches], axis=1))

    def _is_in(self, points: Floats, cases: Sequence[Mapping[str, Sequence[Any]]]) -> NDArray[np.bool_]:
        """Whether each point is in one of the cases; the cube lacks parameters of one value, which always fit."""
        is_in = np.zeros(len(points), dtype=bool)
        for case in cases:
            fits = [self.cube.has(points, name, values) for name, values in case.items() if name in self.cube.space]
            is_in |= np.logical_and.reduce(fits) if fits else np.ones(len(points), dtype=bool)
        return is_in

    def _without(self, points: Floats, flags: Floats) -> Floats:
        middle, places = self.cube.point({}), points.copy()
        for group, active in zip(self._groups, flags.T, strict=True):
            for name in group:
                columns = self.cube.columns(name)
                places[active == 0, columns] = middle[columns]
        return places
