# SPDX-License-Identifier: MIT
"""Pack the learning curves of all trials into a table, and compare the order of the trials at different steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyperopt_app.page.plain import packed

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["MOST_POINTS", "Agreement", "agreement_of", "curves_of"]

# Points of all curves together; with more, each curve is thinned, so that the page stays below its size.
MOST_POINTS = 600_000
# Steps that are compared, and trials that two steps must share for a comparison.
_MOST_STEPS = 12
_LEAST_TRIALS = 5


def curves_of(trials: Sequence["FrozenTrial"], most_points: int = MOST_POINTS) -> dict[str, Any] | None:
    """Return the curves of the trials as plain data; None if no trial has reported a value.

    Args:
        trials: The trials that are shown.
        most_points: How many points all curves may have together.

    Returns:
        `lengths` of the curves in the order of the trials, `steps` and `values` of all, packed one behind the other,
        and `kept`, the greatest number of points that a curve was thinned to, or None. What is not finite is NaN.
    """
    import numpy as np

    total = sum(len(trial.intermediate_values) for trial in trials)
    if not total:
        return None
    kept = None if total <= most_points else max(2, most_points // len(trials))
    lengths, steps, values = [], [], []
    for trial in trials:
        curve = sorted(trial.intermediate_values.items())
        if kept is not None and len(curve) > kept:
            curve = [curve[place] for place in np.linspace(0, len(curve) - 1, kept).round().astype(int)]
        lengths.append(len(curve))
        steps += [step for step, _ in curve]
        values += [value for _, value in curve]
    with np.errstate(over="ignore"):
        numbers = np.asarray(values, dtype="f4")
    numbers[~np.isfinite(numbers)] = np.nan
    return {
        "lengths": packed(lengths, "i4"),
        "steps": packed(np.clip(steps, -(2**31), 2**31 - 1), "i4"),
        "values": packed(numbers, "f4"),
        "kept": kept,
    }


@dataclass(frozen=True)
class Agreement:
    """Rank correlations (Spearman) between steps.

    Attributes:
        steps: The compared steps, ascending.
        matrix: Of each pair of steps, -1 to 1; None where too few trials have both.
        trials: How many trials have reached the last of these steps.
    """

    steps: tuple[int, ...]
    matrix: tuple[tuple[float | None, ...], ...]
    trials: int

    def with_last(self) -> list[tuple[int, float]]:
        """Return each earlier step with its correlation with the last, where there is one."""
        pairs = zip(self.steps[:-1], self.matrix[-1], strict=False)
        return [(step, value) for step, value in pairs if value is not None]

    def shown(self) -> dict[str, Any]:
        """Return the correlations as plain data."""
        return {"steps": list(self.steps), "matrix": [list(row) for row in self.matrix]}


def agreement_of(trials: Sequence["FrozenTrial"]) -> Agreement | None:
    """Compare the order of the trials at up to twelve steps; None if too few trials have reached two steps.

    Args:
        trials: Trials of one direction; pruned ones count up to where they ended.
    """
    import pandas as pd

    counts: dict[int, int] = {}
    for trial in trials:
        for step in trial.intermediate_values:
            counts[step] = counts.get(step, 0) + 1
    steps = sorted(step for step, count in counts.items() if count >= _LEAST_TRIALS)
    if len(steps) < 2:
        return None
    chosen = _spread(steps)
    table = pd.DataFrame([[trial.intermediate_values.get(step) for step in chosen] for trial in trials], dtype=float)
    table = table.replace([float("inf"), float("-inf")], float("nan"))
    ranks = table.corr(method="spearman", min_periods=_LEAST_TRIALS)
    matrix = tuple(
        tuple(None if pd.isna(value) else round(float(value), 3) for value in row) for row in ranks.to_numpy()
    )
    return Agreement(tuple(chosen), matrix, counts[chosen[-1]])


def _spread(steps: Sequence[int]) -> list[int]:
    """Choose steps closer to each other where the curves change most: at the beginning."""
    import numpy as np

    if len(steps) <= _MOST_STEPS:
        return list(steps)
    places = np.geomspace(1, len(steps), _MOST_STEPS).round().astype(int) - 1
    return [steps[place] for place in sorted(set(places.tolist()))]
