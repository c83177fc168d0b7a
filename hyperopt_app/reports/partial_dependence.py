# SPDX-License-Identifier: MIT
"""Estimate with a random forest, and plot, how a metric depends on each parameter, averaged over the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from optuna.distributions import CategoricalDistribution

from hyperopt_app.reports.scales import Scale, scale_of, wrapped

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["Dependence", "dependences", "fill"]

_POINTS = 50
_MOST_PANELS = 16
# More trials change the average little, and the forest is asked for each of them at each point.
_MOST_AVERAGED = 500
_LONGEST_LABEL = 14
_LONGEST_NAME = 24


@dataclass(frozen=True)
class Dependence:
    """The effect of one parameter.

    Attributes:
        name: The parameter's.
        importance: Its share of what the forest explains, 0 to 1.
        points: Where the metric was predicted, shape (k,); for choices their places, from 0.
        means: The metric there, averaged over the trials, shape (k,); of wide values on their scale.
        tried: The values of the trials, shape (n,).
        choices: The choices' names; empty for a number.
        is_log: Whether it is searched on a logarithmic scale.
    """

    name: str
    importance: float
    points: Any
    means: Any
    tried: Any
    choices: tuple[str, ...] = ()
    is_log: bool = False


@dataclass(frozen=True)
class _Column:
    name: str
    values: Any
    choices: tuple[str, ...]
    is_log: bool

    @property
    def points(self) -> Any:
        if self.choices:
            return np.arange(len(self.choices), dtype=float)
        if self.is_log:
            return np.geomspace(self.values.min(), self.values.max(), _POINTS)
        return np.linspace(self.values.min(), self.values.max(), _POINTS)


def dependences(
    trials: Sequence["FrozenTrial"], values: Sequence[float], *, n_trees: int, max_depth: int
) -> list[Dependence]:
    """Estimate the effect of each parameter that all trials have and that varies, the most important first.

    Args:
        trials: Complete trials.
        values: The metric of each.
        n_trees: Trees of the forest.
        max_depth: Their greatest depth.
    """
    from sklearn.ensemble import RandomForestRegressor

    columns = [column for column in _columns(trials) if len(set(column.values)) > 1]
    if not columns:
        return []
    table = np.column_stack([column.values for column in columns])
    scale = scale_of(values)
    targets = scale.forward(values)
    forest = RandomForestRegressor(n_estimators=n_trees, max_depth=max_depth, random_state=0).fit(table, targets)
    some = table[np.random.default_rng(0).permutation(len(table))[:_MOST_AVERAGED]]
    estimates = [
        Dependence(
            column.name,
            float(forest.feature_importances_[index]),
            column.points,
            scale.back(means),
            column.values,
            column.choices,
            column.is_log,
        )
        for index, column in enumerate(columns)
        for means in [_means(forest, some, index, column.points)]
    ]
    return sorted(estimates, key=lambda dependence: -dependence.importance)


def _columns(trials: Sequence["FrozenTrial"]) -> list[_Column]:
    names = [name for name in trials[-1].params if all(name in trial.params for trial in trials)]
    return [_column(name, trials) for name in names]


def _column(name: str, trials: Sequence["FrozenTrial"]) -> _Column:
    params = [trial.params[name] for trial in trials]
    distribution = trials[-1].distributions[name]
    if isinstance(distribution, CategoricalDistribution):
        texts = [str(value) for value in params]
        # Trials that were imported may have had choices which the last one has not.
        drawn, known = set(texts), dict.fromkeys([*map(str, distribution.choices), *texts])
        choices = tuple(text for text in known if text in drawn)
        places = {text: float(place) for place, text in enumerate(choices)}
        return _Column(name, np.array([places[text] for text in texts]), choices, is_log=False)
    return _Column(name, np.array(params, dtype=float), (), is_log=bool(getattr(distribution, "log", False)))


def _means(forest: Any, table: Any, index: int, points: Any) -> Any:
    asked = np.repeat(table[None], len(points), axis=0)
    asked[:, :, index] = points[:, None]
    return forest.predict(asked.reshape(-1, table.shape[1])).reshape(len(points), -1).mean(axis=1)


def fill(figure: Figure, estimates: Sequence[Dependence], metric: str, scale: Scale) -> list[Axes]:
    """Draw one panel for each parameter, all with the same range, so that important ones stand out."""
    shown = estimates[:_MOST_PANELS]
    columns = 2 if len(shown) == 4 else min(len(shown), 3 if len(shown) <= 9 else 4)
    rows = -(-len(shown) // columns)
    if mpl.rcParams["figure.figsize"] == mpl.rcParamsDefault["figure.figsize"]:
        figure.set_size_inches(max(4.0, 2.9 * columns), max(3.2, 2.5 * rows))
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    panels = [grid[index // columns][index % columns] for index in range(rows * columns)]
    for axes, dependence in zip(panels, shown, strict=False):
        _fill_panel(axes, dependence)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    for row in grid:
        row[0].set_ylabel(wrapped(metric, _LONGEST_NAME))
        scale.put_on(row[0].set_yscale)
    figure.suptitle(wrapped(f"Partial dependence of {metric}", _LONGEST_NAME * columns))
    return panels[: len(shown)]


def _fill_panel(axes: Axes, dependence: Dependence) -> None:
    axes.set_xlabel(wrapped(dependence.name, _LONGEST_NAME))
    if dependence.choices:
        axes.plot(dependence.points, dependence.means, "o", color="tab:blue")
        axes.set_xticks(dependence.points, [_short(choice) for choice in dependence.choices])
        axes.tick_params("x", rotation=90 if sum(map(len, dependence.choices)) > 20 else 0)
        axes.margins(x=0.15)
        return
    axes.plot(dependence.points, dependence.means, color="tab:blue")
    # Where the trials lie: the line means little between them.
    axes.plot(
        dependence.tried, np.full(len(dependence.tried), 0.03), "|", color="gray", transform=axes.get_xaxis_transform()
    )
    if dependence.is_log:
        axes.set_xscale("log")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…"
