# SPDX-License-Identifier: MIT
"""Make one value of those of a configuration's repeats; pure."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["WORDS", "Aggregate", "spread"]

WORDS = ("mean", "median", "worst", "mean_plus_std")
_QUANTILE = "quantile"


@dataclass(frozen=True)
class Aggregate:
    """What makes one value of several; careful ones look at the bad repeats, whatever the direction.

    Attributes:
        word: One of `WORDS`, or `quantile`.
        share: Of a quantile, the share of the repeats that do at least as well, in [0, 1].
    """

    word: str = "mean"
    share: float = 0.5

    @classmethod
    def is_known(cls, value: Any) -> bool:
        """Whether `read` takes a value."""
        if not isinstance(value, dict):
            return isinstance(value, str) and value in WORDS
        share: Any = value.get(_QUANTILE)
        is_number = isinstance(share, int | float) and not isinstance(share, bool)
        return len(value) == 1 and is_number and 0 <= share <= 1

    @classmethod
    def read(cls, value: Any) -> "Aggregate":
        """Read `hydra.sweeper.repeats.aggregate`, for which `is_known` is true."""
        return cls(_QUANTILE, float(value[_QUANTILE])) if isinstance(value, dict) else cls(str(value))

    def __str__(self) -> str:
        return f"quantile {self.share:g}" if self.word == _QUANTILE else self.word

    def of(self, values: Sequence[float], *, maximize: bool) -> float:
        """Return the aggregate of finite values; the order does not matter.

        Args:
            values: At least one; of one value each aggregate is that value.
            maximize: Whether larger values are better.
        """
        bad_last = sorted(values, reverse=maximize)
        if self.word == "worst":
            return bad_last[-1]
        if self.word == "median":
            return statistics.median(bad_last)
        if self.word == _QUANTILE:
            return _quantile(bad_last, self.share)
        mean = _mean(bad_last)
        if self.word == "mean":
            return mean
        return mean + (-1.0 if maximize else 1.0) * spread(bad_last)


def spread(values: Sequence[float]) -> float:
    """Return the standard deviation of a sample, with n - 1 in its denominator; 0 of a single value."""
    if len(values) == 1:
        return 0.0
    mean = _mean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _mean(values: Sequence[float]) -> float:
    # Within the values' range also where rounding would lead out of it, so that equal values have their own mean.
    return min(max(math.fsum(values) / len(values), min(values)), max(values))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Interpolate linearly between the two neighbours."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    low, high = ordered[below], ordered[above]
    return low if low == high else low + (high - low) * (place - below)
