# SPDX-License-Identifier: MIT
"""Whether anything is seen in a plot with the limits that a user has set."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection

__all__ = ["are_seen", "extent"]


def are_seen(axes: Axes) -> bool:
    """Whether a point lies inside of the limits; axes in space are believed."""
    if axes.name == "3d":
        return True
    points, (left, right), (low, high) = _points(axes), sorted(axes.get_xlim()), sorted(axes.get_ylim())
    return bool(np.any(np.all((points >= (left, low)) & (points <= (right, high)), axis=1)))


def extent(panels: Sequence[Axes]) -> str:
    """Where the points lie, for people."""
    points = np.concatenate([_points(axes) for axes in panels])
    if not len(points):
        return "there is no point"
    (left, low), (right, high) = points.min(axis=0), points.max(axis=0)
    return f"the points have x from {left:.4g} to {right:.4g} and y from {low:.4g} to {high:.4g}"


def _points(axes: Axes) -> Any:
    """The finite points that are drawn at places of the data, shape (n, 2)."""
    found: list[Any] = [np.empty((0, 2))]
    found += [line.get_xydata() for line in axes.lines if line.get_transform() == axes.transData]
    for one in axes.collections:
        if isinstance(one, LineCollection):
            found += one.get_segments()
        elif isinstance(one, PathCollection):
            found.append(np.ma.filled(one.get_offsets(), np.nan))
    points = np.concatenate(found)
    return points[np.isfinite(points).all(axis=1)]
