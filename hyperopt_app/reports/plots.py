# SPDX-License-Identifier: MIT
"""Draw the plots of a report without a display and without matplotlib's global state."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

from hyperopt_app.reports import learning_curves, partial_dependence
from hyperopt_app.reports.plot_settings import PlotSettings
from hyperopt_app.reports.scales import count_from, scale_of, wrapped
from hyperopt_app.study import trial_facts
from hyperopt_app.support.files import replacing

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["draw_all"]

_DPI = 300
_STYLE = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.alpha": 0.3,
    "legend.framealpha": 0.7,
}
_TRIAL_COLOUR, _BEST_COLOUR = "tab:blue", "tab:red"
_LEAST_TRIALS = 10
_LONGEST_NAME = 50
_FORWARD = {"linear": "", "log": " (log10)", "symlog": " (arsinh)"}


@dataclass(frozen=True)
class _Plots:
    """Draws the plots one by one, and collects the messages about them."""

    save_path: Path
    settings: Mapping[str, PlotSettings]
    metrics: int
    lines: list[str]

    def draw(self, name: str, fill: Callable[[Figure], Sequence[Axes]], general: str = "") -> None:
        """Create a figure with the user's settings, fill it, and write it to `name.png` or the configured file."""
        own = self.settings.get(name)
        settings = own or self.settings.get(general) or PlotSettings()
        rcparams = {key: value for key, value in settings.rcparams.items() if key != "backend"}  # none is needed here
        style: dict[Any, Any] = {**_STYLE, **rcparams}
        with mpl.rc_context(style), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            figure = Figure(layout="constrained")
            panels = fill(figure)
            # matplotlib keeps limits that suit the scale, so the scales come first.
            for method in sorted(settings.axes, key=lambda setting: setting.endswith("lim")):
                for axes in panels:
                    getattr(axes, method)(settings.axes[method])
            path = self._path(name, settings, is_general=own is None)
            _save(figure, path)
        self.lines.append(f"Saved the {name} plot to {path}")
        self.lines.extend(f"\t{text}" for text in dict.fromkeys(str(warning.message) for warning in caught))
        if settings.axes and not any(map(_are_seen, panels)):
            limits = ", ".join(f"{method}: {argument}" for method, argument in settings.axes.items())
            self.lines.append(f"\tNothing is seen there, with {limits}: {_extent(panels)}")

    def _path(self, name: str, settings: PlotSettings, *, is_general: bool) -> Path:
        """Return the path of the plot; a single file for the plots of several metrics is extended by their names."""
        place = settings.save_path or self.save_path
        safe = name.replace("/", "_")
        if not settings.is_file:
            return place / f"{safe}.png"
        return place.with_stem(f"{place.stem}_{safe}") if is_general and self.metrics > 1 else place


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as aside:
        figure.savefig(aside, dpi=_DPI, format=path.suffix[1:].lower())


def draw_all(
    study: "optuna.Study",
    metrics: Sequence[str],
    save_path: Path,
    settings: Mapping[str, PlotSettings],
    *,
    n_trees: int,
    max_depth: int,
) -> list[str]:
    """Draw every plot for which the study has enough trials; none without a complete trial.

    Args:
        study: The study; only read.
        metrics: Names of the optimised values.
        save_path: Directory of the plots, unless the settings name another.
        settings: By the plots' names.
        n_trees: Trees of the forests behind the partial dependences.
        max_depth: Their greatest depth.

    Returns:
        What was drawn, and what was not, a line each.

    Raises:
        OSError: A directory cannot be written.
    """
    trials = study.get_trials(deepcopy=False)
    complete = [trial for trial in trials if trial.state.name == "COMPLETE" and all(map(math.isfinite, trial.values))]
    plots = _Plots(save_path, settings, len(metrics), [])
    if not complete:
        return ["No plots: no complete trial has a finite value."]
    best = trial_facts.best_trials(complete, study.directions)
    if len(metrics) == 1:
        is_maximum = study.directions[0].name == "MAXIMIZE"
        plots.draw("optimization_history", lambda figure: _history(figure, complete, metrics[0], is_maximum=is_maximum))
        curves = [trial for trial in trials if trial.intermediate_values]
        if curves:
            plots.draw("intermediate_values", lambda figure: learning_curves.fill(figure, curves, best[0], metrics[0]))
    elif len(metrics) <= 3:
        plots.draw("pareto_front", lambda figure: _front(figure, complete, best, metrics))
    else:
        plots.lines.append(f"No pareto_front plot: it can show 2 or 3 metrics, and these are {len(metrics)}.")
    if len(complete) < _LEAST_TRIALS:
        plots.lines.append(f"No partial_dependence plots: they need {_LEAST_TRIALS} complete trials.")
        return plots.lines
    for index, metric in enumerate(metrics):
        _draw_dependence(plots, complete, index, metric, n_trees, max_depth)
    return plots.lines


def _draw_dependence(
    plots: _Plots, complete: Sequence["FrozenTrial"], index: int, metric: str, n_trees: int, max_depth: int
) -> None:
    values = [trial.values[index] for trial in complete]
    dependences = partial_dependence.dependences(complete, values, n_trees=n_trees, max_depth=max_depth)
    name = f"partial_dependence_{metric}"
    if not dependences:
        plots.lines.append(f"No {name} plot: no parameter took two values in all complete trials.")
        return
    scale, fill = scale_of(values), partial_dependence.fill
    plots.draw(name, lambda figure: fill(figure, dependences, metric, scale), "partial_dependence")


def _history(figure: Figure, complete: Sequence["FrozenTrial"], metric: str, *, is_maximum: bool) -> list[Axes]:
    axes = figure.subplots()
    numbers, values = [trial.number for trial in complete], [trial.values[0] for trial in complete]
    choose, bests = max if is_maximum else min, list[float]()
    for value in values:
        bests.append(choose(bests[-1], value) if bests else value)
    axes.scatter(numbers, values, s=18, color=_TRIAL_COLOUR, alpha=0.7, label="complete trials", zorder=2)
    axes.step(numbers, bests, where="post", color=_BEST_COLOUR, label="best so far")
    axes.set(title="Optimization history", xlabel="trial", ylabel=wrapped(metric, _LONGEST_NAME))
    count_from(axes, numbers)
    scale_of(values).put_on(axes.set_yscale)
    figure.legend(loc="outside lower center", ncols=2)
    return [axes]


def _front(
    figure: Figure, complete: Sequence["FrozenTrial"], best: Sequence["FrozenTrial"], metrics: Sequence[str]
) -> list[Axes]:
    is_in_space = len(metrics) == 3
    axes: Any = figure.add_subplot(projection="3d" if is_in_space else None)
    values = np.array([trial.values for trial in complete])
    scales = [scale_of(column.tolist()) for column in values.T]
    names = [wrapped(metric, _LONGEST_NAME // 2 if is_in_space else _LONGEST_NAME) for metric in metrics]
    if is_in_space:  # the axes in space know no logarithms
        values = np.column_stack([scale.forward(column) for scale, column in zip(scales, values.T, strict=True)])
        names = [name + _FORWARD[scale.name] for name, scale in zip(names, scales, strict=True)]
        axes.set_zlabel(names[2])
    front = {trial.number for trial in best}
    is_best = np.array([trial.number in front for trial in complete])
    for chosen, colour, label in ((~is_best, _TRIAL_COLOUR, "other trials"), (is_best, _BEST_COLOUR, "Pareto front")):
        if chosen.any():
            axes.scatter(*values[chosen].T, s=22, color=colour, alpha=0.8, label=label)
    axes.set(title="Pareto front", xlabel=names[0], ylabel=names[1])
    if not is_in_space:
        scales[0].put_on(axes.set_xscale)
        scales[1].put_on(axes.set_yscale)
    figure.legend(loc="outside lower center", ncols=2)
    return [axes]


def _are_seen(axes: Axes) -> bool:
    """Whether a point lies inside the limits; always true for axes in 3D."""
    if axes.name == "3d":
        return True
    points, (left, right), (low, high) = _points(axes), sorted(axes.get_xlim()), sorted(axes.get_ylim())
    return bool(np.any(np.all((points >= (left, low)) & (points <= (right, high)), axis=1)))


def _extent(panels: Sequence[Axes]) -> str:
    """Describe where the points are, for people."""
    points = np.concatenate([_points(axes) for axes in panels])
    if not len(points):
        return "nothing was drawn"
    (left, low), (right, high) = points.min(axis=0), points.max(axis=0)
    return f"the points have x from {left:.4g} to {right:.4g} and y from {low:.4g} to {high:.4g}"


def _points(axes: Axes) -> Any:
    """Return the finite points drawn in data coordinates, shape (n, 2)."""
    blocks: list[Any] = [np.empty((0, 2))]
    blocks += [line.get_xydata() for line in axes.lines if line.get_transform() == axes.transData]
    for collection in axes.collections:
        if isinstance(collection, LineCollection):
            blocks += collection.get_segments()
        elif isinstance(collection, PathCollection):
            blocks.append(np.ma.filled(collection.get_offsets(), np.nan))
    points = np.concatenate(blocks)
    return points[np.isfinite(points).all(axis=1)]
