# SPDX-License-Identifier: MIT
"""Choose the scale and labels of an axis for values that often span decades and include outliers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

__all__ = ["Scale", "count_from", "scale_of", "wrapped"]

_WIDE = 100.0


@dataclass(frozen=True)
class Scale:
    """The scale of an axis.

    Attributes:
        name: linear, log, or symlog for values of both signs.
        threshold: Of symlog: below it the scale is linear.
    """

    name: str = "linear"
    threshold: float = 1.0

    def put_on(self, set_scale: Callable[..., Any]) -> None:
        """Apply the scale to an axis, by its `set_xscale` or `set_yscale`."""
        if self.name == "symlog":
            set_scale("symlog", linthresh=self.threshold)
        elif self.name == "log":
            set_scale("log")

    def forward(self, values: Any) -> Any:
        """Transform values so that equal differences have equal size on the scale."""
        if self.name == "log":
            return np.log10(values)
        return np.arcsinh(np.asarray(values) / self.threshold) if self.name == "symlog" else np.asarray(values)

    def back(self, values: Any) -> Any:
        """Reverse `forward`."""
        if self.name == "log":
            return 10.0**values
        return self.threshold * np.sinh(values) if self.name == "symlog" else values


def scale_of(values: Sequence[float]) -> Scale:
    """Choose a logarithmic scale where the values span more than two decades."""
    sizes = sorted(abs(value) for value in values if math.isfinite(value) and value != 0)
    if not sizes:
        return Scale()
    if all(value > 0 for value in values if math.isfinite(value)):
        return Scale("log") if sizes[-1] / sizes[0] > _WIDE else Scale()
    middle = sizes[len(sizes) // 2]
    # A power of ten, so that the marks next to zero do not lie on each other.
    return Scale("symlog", 10.0 ** round(math.log10(middle))) if sizes[-1] / middle > _WIDE else Scale()


def count_from(axes: Axes, numbers: Sequence[float]) -> None:
    """Let the horizontal axis show whole numbers, even if there is only one."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    if min(numbers) == max(numbers):
        axes.set_xlim(numbers[0] - 1, numbers[0] + 1)


def wrapped(text: str, width: int) -> str:
    """Break a long name into lines, after a separator between its words if there is one."""
    lines = []
    while len(text) > width:
        end = max(text.rfind(mark, 0, width) for mark in "_-.:/ ") + 1
        end = end if end > width // 2 else width
        lines.append(text[:end])
        text = text[end:]
    return "\n".join([*lines, text])
