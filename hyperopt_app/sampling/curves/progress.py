# SPDX-License-Identifier: MIT
"""Measure how far a training has come at a step, whatever its objective counts: epochs, batches, samples."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping

__all__ = ["Progress"]

# Where the final value lies if objectives return another than the last one they report: a little after the last step.
_BEYOND = 1.15
_ROUNDING = 1e-9


class Progress:
    """The steps of a study on one scale.

    Args:
        steps: Those at which any of its trials has reported.
        is_apart: Whether objectives return another value than the last one that they report.

    Attributes:
        end: The progress of a final value.
    """

    def __init__(self, steps: Iterable[int], *, is_apart: bool = False) -> None:
        ordered = sorted(set(steps))
        self._first = ordered[0] if ordered else 0
        gap = ordered[1] - ordered[0] if len(ordered) > 1 else 1
        # Of epochs 0, 1, 2, ... the first has taken one, too; of steps 100, 200, ... the first has taken a hundred.
        self._before = min(gap, self._first) if self._first > 0 else gap
        self._range = math.log(self.length(ordered[-1])) if ordered else 0.0
        self.end = _BEYOND if is_apart else 1.0

    def of(self, step: int) -> float:
        """Return the progress at a step: 0 at the first step that was seen, 1 at the last, in between its logarithm."""
        return math.log(self.length(step)) / self._range if self._range > 0 else 1.0

    def rung(self, step: int, factor: float) -> int:
        """Return how often the training has grown by the factor since its first report, rounded down."""
        return int(math.log(self.length(step)) / math.log(factor) + _ROUNDING)

    def value_at(self, curve: Mapping[int, float], rung: int, factor: float) -> float | None:
        """Return the first value of a curve at a rung or later; None if it has not come that far.

        Args:
            curve: The reported values by step.
            rung: As `rung` counts them.
            factor: The growth from rung to rung.
        """
        steps = sorted(curve)
        place = bisect_left(steps, rung, key=lambda step: self.rung(step, factor))
        return curve[steps[place]] if place < len(steps) else None

    def length(self, step: int) -> float:
        """Return the length of a training up to a step, in units of the length up to the first report; at least 1."""
        return max((step - self._first + self._before) / self._before, 1.0)
