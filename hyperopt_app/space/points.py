# SPDX-License-Identifier: MIT
"""The points of a space: warm-start points, and all points of a grid."""

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hyperopt_app.errors import SpaceError
from hyperopt_app.space.conditions import OUTSIDE, spelled
from hyperopt_app.space.space import Space, describe
from hyperopt_app.support.display_text import did_you_mean

__all__ = ["MOST_POINTS", "fitting_point", "grid_points", "point_of"]

# Every point of a grid becomes a ticket.
MOST_POINTS = 100_000


def point_of(
    space: Space, point: Mapping[str, Any], *, unchecked: bool = False, is_part: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Check a warm-start point and spell it as the space does.

    Args:
        space: The space.
        point: Override key, or name in the study, to value.
        unchecked: Let further names and numbers out of range pass (Optuna takes them, with a warning).
        is_part: Whether keys on which others depend may be missing, since the rest stands elsewhere or does not matter.

    Returns:
        Name in the study to value, and the faults: unknown keys, values out of range, and keys that are not searched
        beside the others.
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
        choice = spelled(parameters[name], value)
        if choice is OUTSIDE and unchecked and not isinstance(parameters[name], CategoricalDistribution):
            choice = value
        if choice is OUTSIDE:
            faults.append(f"{word}={value!r} is out of range; allowed is {describe(parameters[name])}")
            continue
        known[name] = choice
    if not unchecked:
        faults += _inactive(space, known, is_part=is_part)
    return space.held(known), faults


def _inactive(space: Space, point: Mapping[str, Any], *, is_part: bool) -> Iterator[str]:
    """Report values of keys that no trial with the other values has."""
    for name in point:
        keys = [key for key in space.distributions if space.names.get(key, key) == name]
        unmet = [space.unmet(key, point, is_part=is_part) for key in keys]
        if keys and all(unmet):
            needed = " and ".join(map(str, unmet[0]))
            others = {space.names.get(condition.key, condition.key) for condition in unmet[0]}
            has = ", ".join(f"{other.lstrip('+')}={point[other]}" for other in sorted(others) if other in point)
            way = f"the point has {has}; leave it out" if has else f"add {needed} to the point, or leave it out"
            yield f"{keys[0].lstrip('+')!r} is searched with {needed} alone; {way}"


def _why_not(space: Space, word: str, keys: list[str]) -> str:
    fixed = {key.lstrip("+"): text for key, text in space.pinned.items()}.get(word.lstrip("+"))
    is_what = "is not searched" if fixed is None else f"is not searched but fixed at {fixed}"
    near = did_you_mean(word, keys) if fixed is None else ""
    return f"{is_what}{near}; the searched keys are {', '.join(keys) or 'none'}"


def fitting_point(space: Space, point: Mapping[str, Any]) -> dict[str, Any]:
    """Return a point, name to value in the study's form, without what is not searched beside its other values."""
    values = space.values(point)
    searched = {space.names.get(key, key) for key in values}
    return {name: value for name, value in point.items() if name in searched}


def grid_points(space: Space) -> list[dict[str, Any]]:
    """Return every point of a space of steps and choices, by name, in the order of the keys.

    A key that stands under a condition is in those points alone in which it is searched.

    Raises:
        SpaceError: A range has no step, so a grid is impossible, or there are more than MOST_POINTS points.
    """
    parameters = space.as_texts.parameters
    if not space.conditions:
        _check_size(math.prod(_grid_size(space, name, distribution) for name, distribution in parameters.items()))
    points: list[dict[str, Any]] = [{}]
    for key in space.distributions:
        name = space.names.get(key, key)
        values, longer = _grid_values(space.place(key), parameters[name]), list[dict[str, Any]]()
        for point in points:
            is_tried = name not in point and not space.unmet(key, point)
            longer += [{**point, name: value} for value in values] if is_tried else [point]
            _check_size(len(longer))
        points = longer
    return [space.held(point) for point in points]


def _check_size(size: int) -> None:
    if size > MOST_POINTS:
        raise SpaceError(
            f"hydra.sweeper.params: a grid of {size:,} points is more than the {MOST_POINTS:,} that are allowed; "
            "use wider steps, or another sampler"
        )


def _grid_size(space: Space, name: str, distribution: BaseDistribution) -> int:
    if isinstance(distribution, IntDistribution):
        return (distribution.high - distribution.low) // distribution.step + 1
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        return round((distribution.high - distribution.low) / distribution.step) + 1
    return len(_grid_values(space.place(name), distribution))


def _grid_values(place: str, distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        # In decimals, as Hydra counts: 0.3 and not 0.30000000000000004.
        low, high, step = (Decimal(str(x)) for x in (distribution.low, distribution.high, distribution.step))
        return [float(low + i * step) for i in range(round((high - low) / step) + 1)]
    raise SpaceError(
        f"{place}: a grid needs steps or choices, not {describe(distribution)}; "
        "use range(low, stop, step=...) or choice(...), or another sampler"
    )
