# SPDX-License-Identifier: MIT
"""Learning curves of trials: their points in order, and a line of blocks that shows one in a terminal."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hyperopt_app.study.trial_facts import own_curve

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["curve_of", "sparkline"]

_BLOCKS = "▁▂▃▄▅▆▇█"
_NOT_A_NUMBER = "·"


def curve_of(trial: "FrozenTrial") -> list[tuple[int, float]]:
    """Return the steps and values that a trial's objective has reported, in the order of the steps."""
    return sorted((int(step), float(value)) for step, value in own_curve(trial).items())


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Draw values as a line of blocks, from the least to the greatest of those that are finite.

    Args:
        values: In their order.
        width: The most characters; of more values every nth is drawn, the last one always.
    """
    if len(values) > width:
        last = len(values) - 1
        values = [values[round(place * last / (width - 1))] for place in range(width)]
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "".join(_block(value, low, high) for value in values)


def _block(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return _NOT_A_NUMBER
    share = 0.0 if high == low else (value - low) / (high - low)
    return _BLOCKS[min(int(share * len(_BLOCKS)), len(_BLOCKS) - 1)]
