# SPDX-License-Identifier: MIT
"""The points of a space: warm-start points, and all points of a grid."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hyperopt_app.errors import SpaceError
from hyperopt_app.space.override_text import element_of, value_of_choice
from hyperopt_app.space.space import Space, describe
from hyperopt_app.support.display_text import did_you_mean

__all__ = ["MOST_POINTS", "grid_points", "point_of"]

# Every point of a grid becomes a ticket.
MOST_POINTS = 100_000


def point_of(space: Space, point: Mapping[str, Any], *, unchecked: bool = False) -> tuple[dict[str, Any], list[str]]:
    """Check a warm-start point and spell it as the space does.

    Args:
        space: The space.
        point: Override key, or name in the study, to value.
        unchecked: Let further names and numbers out of range pass (Optuna takes them, with a warning).

    Returns:
        Name in the study to value, and the faults: unknown keys and values out of range.
    """
    keys = {key.lstrip("+"): key for key in space.distributions}
    parameters = space.as_texts.parameters
    known, faults = {}, []
    for word, value in point.items():
        key = keys.get(str(word).lstrip("+"))
        name = str(word) if key is None else space.names.get(key, key)
        if name not in parameters:
            if unchecked:
                known[name] = value
            else:
                faults.append(f"{word!r} {_why_not(space, str(word), list(keys))}")
            continue
        spelled = _spelled(parameters[name], value)
        if spelled is _OUTSIDE and unchecked and not isinstance(parameters[name], CategoricalDistribution):
            spelled = value
        if spelled is _OUTSIDE:
            faults.append(f"{word}={value!r} is out of range; allowed is {describe(parameters[name])}")
            continue
        known[name] = spelled
    return space.held(known), faults


def _why_not(space: Space, word: str, keys: list[str]) -> str:
    fixed = {key.lstrip("+"): text for key, text in space.pinned.items()}.get(word.lstrip("+"))
    is_what = "is not searched" if fixed is None else f"is not searched but fixed at {fixed}"
    near = did_you_mean(word, keys) if fixed is None else ""
    return f"{is_what}{near}; the searched keys are {', '.join(keys) or 'none'}"


_OUTSIDE = object()


def _spelled(distribution: BaseDistribution, value: Any) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        # First as values: the text 'null' is another choice than null.
        for meaning in (value_of_choice, element_of, str):
            for choice in distribution.choices:
                means = meaning(choice) if isinstance(choice, str) else choice
                if type(value) is type(means) and value == means:
                    return choice
        return _OUTSIDE
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _OUTSIDE
    # Optuna rounds what lies between two steps and warns of what lies outside; both would start another point
    # than the one that was asked for.
    low, high, step = distribution.low, distribution.high, distribution.step  # type: ignore[attr-defined]
    if not low <= value <= high:
        return _OUTSIDE
    if step is not None and abs((value - low) / step - round((value - low) / step)) > 1e-8:
        return _OUTSIDE
    return int(value) if isinstance(distribution, IntDistribution) else float(value)


def grid_points(space: Space) -> list[dict[str, Any]]:
    """Return every point of a space of steps and choices, by name, in the order of the keys.

    Raises:
        SpaceError: A range has no step, so a grid is impossible, or there are more than MOST_POINTS points.
    """
    parameters = space.as_texts.parameters
    size = math.prod(_grid_size(name, distribution) for name, distribution in parameters.items())
    if size > MOST_POINTS:
        raise SpaceError(
            f"hydra.sweeper.params: a grid of {size:,} points is more than the {MOST_POINTS:,} that are allowed; "
            "use wider steps, or another sampler"
        )
    points: list[dict[str, Any]] = [{}]
    for name, distribution in parameters.items():
        values = _grid_values(name, distribution)
        points = [{**point, name: value} for point in points for value in values]
    return [space.held(point) for point in points]


def _grid_size(key: str, distribution: BaseDistribution) -> int:
    if isinstance(distribution, IntDistribution):
        return (distribution.high - distribution.low) // distribution.step + 1
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        return round((distribution.high - distribution.low) / distribution.step) + 1
    return len(_grid_values(key, distribution))


def _grid_values(key: str, distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        # In decimals, as Hydra counts: 0.3 and not 0.30000000000000004.
        low, high, step = (Decimal(str(x)) for x in (distribution.low, distribution.high, distribution.step))
        return [float(low + i * step) for i in range(round((high - low) / step) + 1)]
    raise SpaceError(
        f"hydra.sweeper.params.{key}: a grid needs steps or choices, not {describe(distribution)}; "
        "use range(low, stop, step=...) or choice(...), or another sampler"
    )
