# SPDX-License-Identifier: MIT
"""Check whether the best trials lie at an end of a parameter's range."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hyperopt_app.looking.health.finding import Finding
from hyperopt_app.looking.matters import importances_of
from hyperopt_app.looking.view import View
from hyperopt_app.support.display_text import in_one_line, value_text

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

__all__ = ["best_at_an_edge", "best_tenth"]

_LEAST_TRIALS = 10
# As shares of the range: the best trial is at an end within the first, most of the best tenth within the second.
_AT_THE_END, _NEAR_THE_END = 0.02, 0.1
_LEAST_BEST = 5
# The least share in what sets the best trials apart, of what each parameter would have if all mattered alike.
_MATTERS = 0.5


def best_tenth(view: View, least: int = _LEAST_BEST) -> "Sequence[FrozenTrial]":
    """Return the best tenth of the complete trials of a single objective, but at least `least` of them."""
    ranked = view.ranked()
    return ranked[: max(math.ceil(len(ranked) / 10), least)]


def best_at_an_edge(view: View) -> list[Finding]:
    """Find parameters of which the best trial, and most of the best tenth, lie at the same end of the range.

    A parameter that hardly matters lies anywhere, and a dropout of 0 or a share of 1 cannot go beyond.
    """
    if len(view.directions) > 1 or view.counts["complete"] < _LEAST_TRIALS or not view.best:
        return []
    best, top, findings = view.best[0], best_tenth(view), []
    shares = importances_of(view) or dict.fromkeys(best.params, 1.0)
    for name, value in best.params.items():
        if shares.get(name, 1.0) * len(shares) < _MATTERS:
            continue
        distribution = best.distributions[name]
        places = [_place_in_range(distribution, trial.params.get(name)) for trial in top]
        end = _common_end(_place_in_range(distribution, value), [place for place in places if place is not None])
        if end is not None and not _is_natural(distribution, end):
            bound = distribution.low if end == 0 else distribution.high  # type: ignore[attr-defined]
            reason = f"{in_one_line(name)} of the best trials is at the end of its range ({value_text(bound)})"
            findings.append(Finding("edge", reason, "widen it, unless it cannot go beyond"))
    return findings


def _place_in_range(distribution: "BaseDistribution", value: Any) -> float | None:
    """Return where a value lies in its range, from 0 to 1; None if it has no order, or if the range is a point."""
    low, high = getattr(distribution, "low", None), getattr(distribution, "high", None)
    if low is None or high is None or low == high or not isinstance(value, (int, float)):
        return None
    if getattr(distribution, "log", False):
        low, high, value = math.log(low), math.log(high), math.log(value)
    return float((value - low) / (high - low))


def _is_natural(distribution: "BaseDistribution", end: int) -> bool:
    """Whether a range ends there since there is nothing beyond: at 0, and at 1 if it is that of a share."""
    low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
    return bool(low == 0 if end == 0 else high == 1 and low >= 0)


def _common_end(best: float | None, top: Sequence[float]) -> int | None:
    """Return 0 or 1 if the best and most others lie there; None otherwise."""
    if best is None:
        return None
    for end in (0, 1):
        near = sum(abs(place - end) <= _NEAR_THE_END for place in top)
        if abs(best - end) <= _AT_THE_END and near > len(top) / 2:
            return end
    return None
