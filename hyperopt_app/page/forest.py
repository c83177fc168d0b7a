# SPDX-License-Identifier: MIT
"""Fit a random forest to a study: which parameters matter, and how a metric depends on one or two of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from hyperopt_app.page.plain import brief
from hyperopt_app.page.trial_columns import Parameter

__all__ = ["LEAST_TRIALS", "Modelled", "modelled"]

# Complete trials below which a forest says nothing.
LEAST_TRIALS = 10
# More trials make a forest better by little, and it takes longer.
_MOST_TRIALS = 2000
_MOST_AVERAGED = 100
_POINTS, _POINTS_OF_PAIR = 30, 16
_MOST_IN_PAIRS = 4
_SPLITS, _REPEATS = 5, 3


@dataclass(frozen=True)
class Modelled:
    """What a forest says of one metric.

    Attributes:
        shares: Of each parameter in what the forest predicts of trials that it has not seen, with the standard
            deviation over several such tests, by name; they add up to 1.
        score: How much of the metric's variance it predicts there, at most 1; 0 or less means nothing.
        curves: Of each parameter, as plain data: `points`, `means` of the metric over the other parameters, and
            `spread`, the standard deviation between the trees.
        pairs: Of pairs of the parameters that matter most, as plain data: `x`, `y`, their `points`, `means`.
        trials: How many trials it has seen.
    """

    shares: Mapping[str, tuple[float, float]]
    score: float
    curves: Mapping[str, Mapping[str, Any]]
    pairs: Sequence[Mapping[str, Any]]
    trials: int


def modelled(
    parameters: Sequence[Parameter], values: Sequence[float], *, n_trees: int, max_depth: int
) -> Modelled | None:
    """Fit the forest; None with too few trials, equal values, or no parameter that varies.

    Args:
        parameters: With the values of the same trials.
        values: The metric of each trial; finite.
        n_trees: Trees of the forest.
        max_depth: Their greatest depth.
    """
    from sklearn.ensemble import RandomForestRegressor

    from hyperopt_app.reports.scales import scale_of

    varied = [parameter for parameter in parameters if len(set(parameter.values)) > 1]
    if len(values) < LEAST_TRIALS or not varied or min(values) == max(values):
        return None
    some = np.sort(np.random.default_rng(0).permutation(len(values))[:_MOST_TRIALS])
    table = np.column_stack([_as_numbers(parameter)[some] for parameter in varied])
    scale = scale_of(list(values))
    targets = np.asarray(scale.forward(np.asarray(values, dtype=float)))[some]

    def fitted(rows: Any) -> Any:
        forest = RandomForestRegressor(n_estimators=n_trees, max_depth=max_depth, random_state=0)
        return forest.fit(table[rows], targets[rows])

    shares, score = _shares(fitted, table, targets, [parameter.name for parameter in varied])
    forest = fitted(np.arange(len(table)))
    curves = {
        parameter.name: _expected_curve(forest, table, place, parameter, scale)
        for place, parameter in enumerate(varied)
    }
    first = sorted(range(len(varied)), key=lambda place: -shares[varied[place].name][0])[:_MOST_IN_PAIRS]
    pairs = [_expected_pair(forest, table, places, varied, scale) for places in combinations(first, 2)]
    return Modelled(shares, score, curves, pairs, len(table))


def _as_numbers(parameter: Parameter) -> Any:
    """Return the values as numbers; a trial without the parameter lies below all others, on a branch of its own."""
    given = [value for value in parameter.values if value is not None]
    below = min(given) - (max(given) - min(given)) - 1.0
    return np.array([below if value is None else value for value in parameter.values], dtype=float)


def _shares(
    fitted: Any, table: Any, targets: Any, names: Sequence[str]
) -> tuple[dict[str, tuple[float, float]], float]:
    """Measure by how much predictions of unseen trials get worse when a parameter's values change places."""
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import KFold

    losses, scores = [], []
    for seen, unseen in KFold(_SPLITS, shuffle=True, random_state=0).split(table):
        forest = fitted(seen)
        scores.append(float(forest.score(table[unseen], targets[unseen])))
        measured = permutation_importance(
            forest, table[unseen], targets[unseen], n_repeats=_REPEATS, random_state=0, scoring="neg_mean_squared_error"
        )
        losses.append(np.maximum(measured.importances_mean, 0.0))
    totals = [max(float(loss.sum()), 1e-300) for loss in losses]
    parts = np.array([loss / total for loss, total in zip(losses, totals, strict=True)])
    means, spreads = parts.mean(axis=0), parts.std(axis=0)
    whole = max(float(means.sum()), 1e-300)
    shares = {
        name: (round(float(mean) / whole, 4), round(float(spread), 4))
        for name, mean, spread in zip(names, means, spreads, strict=True)
    }
    return shares, float(np.mean(scores))


def _grid_points(parameter: Parameter, count: int) -> Any:
    given = [value for value in parameter.values if value is not None]
    if parameter.labels:
        return np.array(sorted(set(given)), dtype=float)
    low, high = float(min(given)), float(max(given))
    return np.geomspace(low, high, count) if parameter.is_log else np.linspace(low, high, count)


def _rows(table: Any, *masks: Any) -> Any:
    """Choose the trials over which is averaged, which all have the parameters that vary."""
    rows = np.flatnonzero(np.logical_and.reduce(masks))
    return table[np.random.default_rng(0).permutation(rows)[:_MOST_AVERAGED]]


def _has(parameter: Parameter, table: Any, place: int) -> Any:
    given = [value for value in parameter.values if value is not None]
    return table[:, place] >= min(given)


def _expected_curve(forest: Any, table: Any, place: int, parameter: Parameter, scale: Any) -> dict[str, Any]:
    points = _grid_points(parameter, _POINTS)
    rows = _rows(table, _has(parameter, table, place))
    asked = np.repeat(rows[None], len(points), axis=0)
    asked[:, :, place] = points[:, None]
    flat = asked.reshape(-1, table.shape[1]).astype(np.float32)
    trees = np.array([tree.predict(flat).reshape(len(points), -1).mean(axis=1) for tree in forest.estimators_])
    means, spreads = trees.mean(axis=0), trees.std(axis=0)
    return {
        "points": _rounded(points),
        "means": _rounded(scale.back(means)),
        "low": _rounded(scale.back(means - spreads)),
        "high": _rounded(scale.back(means + spreads)),
    }


def _expected_pair(
    forest: Any, table: Any, places: tuple[int, int], parameters: Sequence[Parameter], scale: Any
) -> dict[str, Any]:
    first, second = (parameters[place] for place in places)
    across, up = _grid_points(first, _POINTS_OF_PAIR), _grid_points(second, _POINTS_OF_PAIR)
    rows = _rows(table, _has(first, table, places[0]), _has(second, table, places[1]))
    grid = np.array([(right, high) for high in up for right in across])
    if not len(rows):
        return {"x": first.name, "y": second.name, "across": [], "up": [], "means": []}
    asked = np.repeat(rows[None], len(grid), axis=0)
    asked[:, :, places[0]], asked[:, :, places[1]] = grid[:, :1], grid[:, 1:]
    means = forest.predict(asked.reshape(-1, table.shape[1])).reshape(len(grid), -1).mean(axis=1)
    return {
        "x": first.name,
        "y": second.name,
        "across": _rounded(across),
        "up": _rounded(up),
        "means": [_rounded(row) for row in scale.back(means).reshape(len(up), len(across))],
    }


def _rounded(numbers: Any) -> list[float]:
    return [brief(float(number), 5) for number in numbers]
