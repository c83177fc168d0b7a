# SPDX-License-Identifier: MIT
"""Medians, shares and speed-ups of simulated searches, with the bounds of a bootstrap."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.search.rows import Row

__all__ = ["Cell", "cell", "share_within", "speed_up"]

_RESAMPLES = 10_000
# Mean full trainings; below it a search has found its target by luck, and a ratio of two such times says nothing.
_LEAST = 0.01


class Cell(NamedTuple):
    """What a method came to in a family with some number of workers.

    Attributes:
        runs: The number of searches.
        median: Of the time until the target, infinite if more than half have missed it.
        hit: The share that reached it.
        ask_s: The mean CPU seconds of an ask.
    """

    runs: int
    median: float
    hit: float
    ask_s: float


def cell(rows: Sequence[Row]) -> Cell:
    """Summarise the runs of one method; a run that missed counts as infinitely late in the median."""
    times = [math.inf if row.time is None else row.time for row in rows]
    hit = sum(row.time is not None for row in rows) / len(rows)
    return Cell(len(rows), float(np.median(times)), hit, float(np.mean([row.ask_s for row in rows])))


def speed_up(rows: Iterable[Row], base: Iterable[Row]) -> tuple[float, float, float]:
    """Return how many times sooner a method is than another, and the bounds of 95 %.

    It is the ratio of the geometric means over the runs that both have: the same task and the same seed. A run that
    missed counts as if it had hit at its limit, and no time as less than a hundredth of a training. The bootstrap draws
    such pairs with replacement.

    Raises:
        SystemExit: The two have not the same runs.
    """
    own, other = ({(row.task, row.seed): _bounded(row) for row in some} for some in (rows, base))
    if own.keys() != other.keys():
        missing = sorted(own.keys() ^ other.keys())
        raise SystemExit(f"the methods were not run on the same searches: (task, seed) {missing[:5]} of {len(missing)}")
    gains = np.log([other[key] / own[key] for key in sorted(own)])
    drawn = np.random.default_rng(0).integers(len(gains), size=(_RESAMPLES, len(gains)))
    low, high = np.quantile(gains[drawn].mean(axis=1), [0.025, 0.975])
    mean, lower, upper = (math.exp(gain) for gain in (gains.mean(), low, high))
    return mean, lower, upper


def share_within(rows: Sequence[Row], trials: int) -> float:
    """Return the share of the runs that reached the target with at most so many trials started."""
    return sum(row.time is not None and row.trials <= trials for row in rows) / len(rows)


def _bounded(row: Row) -> float:
    return row.conditions.limit if row.time is None else max(row.time, _LEAST)
