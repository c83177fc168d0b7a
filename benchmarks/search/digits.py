# SPDX-License-Identifier: MIT
"""Problems from the table of the digits network's real trainings, which `digits_table` has made."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from benchmarks.search.digits_table import EPOCHS, SEEDS, SPACE, TABLE
from benchmarks.search.problem import Array, Config, Problem

__all__ = ["Digits"]


class _Table(NamedTuple):
    """Where the configurations lie, shape (configurations, columns); curves, (configurations, seeds, epochs)."""

    points: Array
    accuracies: Array
    times: Array


@functools.cache
def _table(path: Path) -> _Table:
    import pandas as pd

    if not path.is_file():
        raise SystemExit(f"{path} is not there; python -m benchmarks.search.digits_table makes it")
    frame = pd.read_parquet(path).sort_values(["config", "seed", "epoch"])
    first = frame[(frame["seed"] == 0) & (frame["epoch"] == 1)]
    shape = (len(first), SEEDS, EPOCHS)
    values, times = (frame[column].to_numpy(float).reshape(shape) for column in ("val_accuracy", "time_s"))
    return _Table(_points(first[list(SPACE)].to_dict("records")), values, times)


def _points(configs: Sequence[Config]) -> Array:
    """Configurations in a unit cube; two choices of a category are as far from each other as it is wide."""
    columns = []
    for name, distribution in SPACE.items():
        column = np.array([config[name] for config in configs], float)
        if isinstance(distribution, CategoricalDistribution):
            columns += [(column == choice) / 2**0.5 for choice in distribution.choices]
            continue
        if not isinstance(distribution, FloatDistribution | IntDistribution):
            raise TypeError(f"{name}: no place in a cube for {distribution}")
        low, high = float(distribution.low), float(distribution.high)
        if distribution.log:
            column, low, high = np.log(column), np.log(low), np.log(high)
        columns.append((column - low) / (high - low))
    return np.stack(columns, axis=1)


class Digits(Problem):
    """The network of objectives/digits.py with 50 epochs; a configuration's curve is that of the nearest in the table.

    A trial reports what the training of a seed has reported. What counts is the mean of all seeds, so that a lucky
    epoch is not a success.

    Attributes:
        seed: Of the trainings, 0 to 2.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = SPACE
    steps = tuple(range(1, EPOCHS + 1))

    def __init__(self, seed: int, path: Path = TABLE) -> None:
        self.name, self.seed, self._path = str(seed), seed, path

    def curves(self, configs: Sequence[Config]) -> tuple[Array, Array]:
        """Return the seeds' mean accuracies, and CPU seconds."""
        table, nearest = _table(self._path), self._nearest(configs)
        return table.accuracies[nearest].mean(axis=1), table.times[nearest, self.seed]

    def reported(self, configs: Sequence[Config], values: Array) -> Array:
        """Return the accuracies of one seed's trainings."""
        return np.asarray(_table(self._path).accuracies[self._nearest(configs), self.seed])

    def _nearest(self, configs: Sequence[Config]) -> NDArray[np.intp]:
        table, points = _table(self._path), _points(configs)
        gaps = (points**2).sum(axis=1)[:, None] - 2 * points @ table.points.T + (table.points**2).sum(axis=1)
        return np.asarray(gaps.argmin(axis=1))
