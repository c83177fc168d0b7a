# SPDX-License-Identifier: MIT
"""Plot the learning curves of all trials in one figure, fast enough for thousands of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hyperopt_app.reports.scales import count_from, scale_of, wrapped

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["fill"]

_BEST_COLOUR = "tab:red"
_MOST_MARKED = 30
_LONGEST_NAME = 50


def fill(figure: Figure, trials: Sequence["FrozenTrial"], best: "FrozenTrial", metric: str) -> list[Axes]:
    """Plot the curves by the trials' numbers; those of pruned trials are dotted and end in a cross.

    Args:
        figure: An empty figure.
        trials: The trials that have reported something.
        best: The best complete trial.
        metric: What is reported.
    """
    axes = figure.subplots()
    last = max(1, *(trial.number for trial in trials))
    curves = [_curve(trial) for trial in trials]
    everything = np.concatenate(curves)
    axes.update_datalim(everything[np.isfinite(everything).all(axis=1)])
    colours = mpl.colormaps["viridis"]([trial.number / last for trial in trials])
    kinds = np.array(["best" if trial.number == best.number else trial.state.name for trial in trials])
    _draw(axes, curves, colours, np.flatnonzero((kinds != "best") & (kinds != "PRUNED")), is_pruned=False)
    _draw(axes, curves, colours, np.flatnonzero(kinds == "PRUNED"), is_pruned=True)
    for index in np.flatnonzero(kinds == "best"):
        marker = "." if len(curves[index]) <= _MOST_MARKED else None
        label = f"best trial ({best.number})"
        axes.plot(*curves[index].T, color=_BEST_COLOUR, linewidth=2.0, marker=marker, zorder=3, label=label)
    if "PRUNED" in kinds:
        axes.plot([], [], color="gray", linestyle=":", marker="x", markersize=4, label="pruned at the cross")
    axes.set(title="Intermediate values", xlabel="step", ylabel=wrapped(metric, _LONGEST_NAME))
    count_from(axes, everything[:, 0].tolist())
    scale_of(everything[:, 1].tolist()).put_on(axes.set_yscale)
    axes.autoscale_view()
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=2)
    numbers = mpl.cm.ScalarMappable(mpl.colors.Normalize(0, last), mpl.colormaps["viridis"])
    figure.colorbar(numbers, ax=axes, label="trial", ticks=MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    return [axes]


def _curve(trial: "FrozenTrial") -> Any:
    """Return steps and values, shape (n, 2)."""
    return np.array(sorted(trial.intermediate_values.items()), dtype=float)


def _draw(axes: Axes, curves: Sequence[Any], colours: Any, indices: Any, *, is_pruned: bool) -> None:
    some = [curves[index] for index in indices]
    style = ":" if is_pruned else "-"
    axes.add_collection(LineCollection(some, colors=colours[indices], linestyles=style, linewidths=1.0, alpha=0.6))
    # A curve of a single step is not a line; and where a trial was pruned should be seen.
    marks = [curve[-1:] if is_pruned else curve[: len(curve) if len(curve) <= _MOST_MARKED else 0] for curve in some]
    if marks:
        tints = np.repeat(colours[indices], [len(mark) for mark in marks], axis=0)
        shape: dict[str, Any] = {"marker": "x", "s": 24} if is_pruned else {"marker": ".", "s": 12}
        steps, values = np.concatenate(marks).T
        axes.scatter(steps, values, c=tints, linewidths=1.2, zorder=2.5, **shape)
