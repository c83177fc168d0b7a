# SPDX-License-Identifier: MIT
"""The plots of a report, drawn without a display and without matplotlib's global state."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hyperopt_app import _trials
from hyperopt_app.legacy import partial_dependence
from hyperopt_app.legacy.plot_settings import PlotSettings

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


@dataclass(frozen=True)
class _Plots:
    """Draws one plot after the other, and remembers what is to be told of them."""

    save_path: Path
    settings: Mapping[str, PlotSettings]
    lines: list[str]

    def draw(self, name: str, fill: Callable[[Figure], Sequence[Axes]], general: str = "") -> None:
        """Make a figure with a user's settings, let it be filled, and write it as `name.png`."""
        settings = self.settings.get(name) or self.settings.get(general) or PlotSettings()
        style: dict[Any, Any] = {**_STYLE, **settings.rcparams}
        with mpl.rc_context(style):
            figure = Figure(layout="constrained")
            for axes in fill(figure):
                for method, argument in settings.axes.items():
                    getattr(axes, method)(argument)
            folder = settings.save_path or self.save_path
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{name.replace('/', '_')}.png"
            aside = path.with_name(f".{path.name}.{os.getpid()}")
            try:
                figure.savefig(aside, dpi=_DPI, format="png")
                aside.replace(path)
            finally:
                aside.unlink(missing_ok=True)
        self.lines.append(f"Saved the {name} plot to {path}")


def draw_all(
    study: "optuna.Study",
    metrics: Sequence[str],
    save_path: Path,
    settings: Mapping[str, PlotSettings],
    *,
    n_trees: int,
    max_depth: int,
) -> list[str]:
    """Draw what the study has the trials for; a study without a complete trial has none.

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
    complete = [one for one in trials if one.state.name == "COMPLETE" and all(map(math.isfinite, one.values))]
    plots = _Plots(save_path, settings, [])
    if not complete:
        return ["No plots: no complete trial has a finite value."]
    best = _trials.best_trials(complete, study.directions)
    if len(metrics) == 1:
        is_maximum = study.directions[0].name == "MAXIMIZE"
        plots.draw("optimization_history", lambda figure: _history(figure, complete, metrics[0], is_maximum=is_maximum))
        curves = [trial for trial in trials if trial.intermediate_values]
        if curves:
            plots.draw("intermediate_values", lambda figure: _curves(figure, curves, best[0], metrics[0]))
    elif len(metrics) <= 3:
        plots.draw("pareto_front", lambda figure: _front(figure, complete, best, metrics))
    else:
        plots.lines.append(f"No pareto_front plot: it can show 2 or 3 metrics, and these are {len(metrics)}.")
    if len(complete) < _LEAST_TRIALS:
        plots.lines.append(f"No partial_dependence plots: they want {_LEAST_TRIALS} complete trials.")
        return plots.lines
    for index, metric in enumerate(metrics):
        _draw_dependence(plots, complete, index, metric, n_trees, max_depth)
    return plots.lines


def _draw_dependence(
    plots: _Plots, complete: Sequence["FrozenTrial"], index: int, metric: str, n_trees: int, max_depth: int
) -> None:
    values = [trial.values[index] for trial in complete]
    found = partial_dependence.dependences(complete, values, n_trees=n_trees, max_depth=max_depth)
    name = f"partial_dependence_{metric}"
    if not found:
        plots.lines.append(f"No {name} plot: no parameter took two values in all complete trials.")
        return
    is_log = partial_dependence.is_wide(values)
    fill = partial_dependence.fill
    plots.draw(name, lambda figure: fill(figure, found, metric, is_log=is_log), "partial_dependence")


def _history(figure: Figure, complete: Sequence["FrozenTrial"], metric: str, *, is_maximum: bool) -> list[Axes]:
    axes = figure.subplots()
    numbers, values = [trial.number for trial in complete], [trial.values[0] for trial in complete]
    choose, bests = max if is_maximum else min, list[float]()
    for value in values:
        bests.append(choose(bests[-1], value) if bests else value)
    axes.scatter(numbers, values, s=18, color=_TRIAL_COLOUR, alpha=0.7, label="complete trials", zorder=2)
    axes.step(numbers, bests, where="post", color=_BEST_COLOUR, label="best so far")
    axes.set(title="Optimization history", xlabel="trial", ylabel=metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _widen(axes.set_yscale, values)
    figure.legend(loc="outside lower center", ncols=2)
    return [axes]


def _curves(figure: Figure, curves: Sequence["FrozenTrial"], best: "FrozenTrial", metric: str) -> list[Axes]:
    axes = figure.subplots()
    last = max(1, *(trial.number for trial in curves))
    colours = mpl.colormaps["viridis"]
    for trial in curves:
        steps = sorted(trial.intermediate_values)
        points = [trial.intermediate_values[step] for step in steps]
        is_best, is_pruned = trial.number == best.number, trial.state.name == "PRUNED"
        axes.plot(
            steps,
            points,
            color=_BEST_COLOUR if is_best else colours(trial.number / last),
            linestyle=":" if is_pruned else "-",
            linewidth=2.0 if is_best else 1.0,
            marker="." if len(steps) < 30 else None,
            alpha=1.0 if is_best else 0.6,
            zorder=3 if is_best else 2,
        )
    axes.plot([], [], color=_BEST_COLOUR, linewidth=2.0, label=f"best trial ({best.number})")
    if any(trial.state.name == "PRUNED" for trial in curves):
        axes.plot([], [], color="gray", linestyle=":", label="pruned")
    axes.set(title="Intermediate values", xlabel="step", ylabel=metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _widen(axes.set_yscale, [value for trial in curves for value in trial.intermediate_values.values()])
    figure.legend(loc="outside lower center", ncols=2)
    scale = mpl.cm.ScalarMappable(mpl.colors.Normalize(0, last), colours)
    figure.colorbar(scale, ax=axes, label="trial")
    return [axes]


def _front(
    figure: Figure, complete: Sequence["FrozenTrial"], best: Sequence["FrozenTrial"], metrics: Sequence[str]
) -> list[Axes]:
    axes: Any = figure.add_subplot(projection="3d" if len(metrics) == 3 else None)
    front = {trial.number for trial in best}
    others = [trial.values for trial in complete if trial.number not in front]
    chosen = [trial.values for trial in complete if trial.number in front]
    for values, colour, label in ((others, _TRIAL_COLOUR, "other trials"), (chosen, _BEST_COLOUR, "Pareto front")):
        if values:
            axes.scatter(*zip(*values, strict=True), s=22, color=colour, alpha=0.8, label=label)
    axes.set(title="Pareto front", xlabel=metrics[0], ylabel=metrics[1])
    if len(metrics) == 3:
        axes.set_zlabel(metrics[2])
    else:  # the axes in space know no logarithms
        _widen(axes.set_xscale, [trial.values[0] for trial in complete])
        _widen(axes.set_yscale, [trial.values[1] for trial in complete])
    figure.legend(loc="outside lower center", ncols=2)
    return [axes]


def _widen(set_scale: Callable[[str], Any], values: Sequence[float]) -> None:
    if partial_dependence.is_wide(values):
        set_scale("log")
