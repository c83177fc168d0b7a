# SPDX-License-Identifier: MIT
"""Read what is optimised: one metric or several with their directions, their weighted sum, or metrics in turn."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hyperopt_app.settings.shapes import is_number
from hyperopt_app.study.records.forms import OrderRecord
from hyperopt_app.support.display_text import did_you_mean, shortened

__all__ = ["Objectives", "OneNumber", "names_of", "objectives_of", "sum_text"]

_DIRECTIONS = ("minimize", "maximize")


@dataclass(frozen=True)
class Objectives:
    """What is optimised.

    Attributes:
        metric_names: The metrics that the objective returns, in their order; may be empty.
        directions: Those of the study, one for each of its values.
        terms: Of a weighted sum the factor of each metric, negative where it is maximised; else empty.
        faults: One line for each error.
        in_turn: The metrics by which the best is chosen in turn, the optimised one first; else empty.
    """

    metric_names: tuple[str, ...]
    directions: tuple[str, ...]
    terms: tuple[float, ...] = ()
    faults: tuple[str, ...] = ()
    in_turn: tuple[OrderRecord, ...] = ()


class OneNumber(NamedTuple):
    """How one number is made of several metrics: `weights`, `order` and `tolerance` of `hydra.sweeper`."""

    weights: Mapping[str, Any] = {}
    order: Sequence[Any] = ()
    tolerance: Mapping[str, Any] = {}


def names_of(value: Any) -> tuple[str, ...]:
    """Convert one name, a list of names or enum members, or None to a tuple of texts."""
    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(name for item in value for name in names_of(item))
    return (str(getattr(value, "name", value)),)


def objectives_of(metric: Any, direction: Any, how: OneNumber, *, is_directed: bool) -> Objectives:
    """Return what is optimised.

    Args:
        metric: `hydra.sweeper.metric`: a name, a list of names, or a mapping of names to directions.
        direction: `hydra.sweeper.direction`.
        how: How one number is made of the metrics.
        is_directed: Whether the user has written a direction.
    """
    if not isinstance(metric, Mapping):
        faults = [f"hydra.sweeper.{key}: {_NAMED}" for key, value in how._asdict().items() if value]
        return Objectives(names_of(metric), names_of(direction), faults=tuple(faults))
    named = {str(name): str(getattr(way, "name", way)) for name, way in metric.items()}
    faults = [*_mapping_faults(named), *_weight_faults(how.weights, named), *_order_faults(how, named)]
    if is_directed:
        faults.append(
            f"hydra.sweeper.direction: {', '.join(names_of(direction))} cannot stand beside hydra.sweeper.metric, "
            "which says of each metric whether it is minimized or maximized; leave direction out"
        )
    directions = tuple(way if way in _DIRECTIONS else _DIRECTIONS[0] for way in named.values())
    if faults or not (how.weights or how.order):
        return Objectives(tuple(named), directions or _DIRECTIONS[:1], faults=tuple(faults))
    if how.order:
        near, order = how.tolerance, tuple(map(str, how.order))
        steps = (OrderRecord(metric=at, direction=named[at], tolerance=float(near.get(at, 0.0))) for at in order)
        return Objectives(order, (named[order[0]],), in_turn=tuple(steps))
    signs = (1.0 if way == _DIRECTIONS[0] else -1.0 for way in directions)
    terms = tuple(sign * float(how.weights.get(name, 1.0)) for sign, name in zip(signs, named, strict=True))
    return Objectives(tuple(named), _DIRECTIONS[:1], terms)


_NAMED = "it wants metrics with directions; write hydra.sweeper.metric: {loss: minimize, latency_ms: minimize}"


def _mapping_faults(named: Mapping[str, str]) -> Iterator[str]:
    if not named:
        yield "hydra.sweeper.metric: an empty mapping names no metric; write {loss: minimize}, or a name"
    for name, way in named.items():
        if way not in _DIRECTIONS:
            near = did_you_mean(way, _DIRECTIONS)
            yield f"hydra.sweeper.metric.{name}: {shortened(repr(way))} is not known; set minimize or maximize{near}"


def _weight_faults(weights: Mapping[str, Any], named: Mapping[str, str]) -> Iterator[str]:
    for name, weight in weights.items():
        if name not in named:
            near = did_you_mean(str(name), list(named))
            yield (
                f"hydra.sweeper.weights.{name}: hydra.sweeper.metric does not have it{near}; it has "
                f"{', '.join(named) or 'none'}"
            )
        elif not (is_number(weight) and 0 < weight < math.inf):
            yield f"hydra.sweeper.weights.{name}: {weight} is not allowed; set a number above 0"


def _order_faults(how: OneNumber, named: Mapping[str, str]) -> Iterator[str]:
    order, key = [str(name) for name in how.order], "hydra.sweeper.order"
    if how.tolerance and not order:
        yield f"hydra.sweeper.tolerance: it belongs to {key}, which is missing; write {key}: [{', '.join(named)}]"
    if not order:
        return
    if how.weights:
        yield f"{key}: it cannot stand beside hydra.sweeper.weights, since either makes one number; leave one out"
    for name in dict.fromkeys(order):
        if name not in named:
            near = did_you_mean(name, list(named))
            yield f"{key}: hydra.sweeper.metric does not have {shortened(repr(name))}{near}; it has {', '.join(named)}"
        if order.count(name) > 1:
            yield f"{key}: {shortened(repr(name))} stands {order.count(name)} times in it; write each metric once"
    missing = [name for name in named if name not in order]
    if missing:
        yield f"{key}: {', '.join(missing)} is missing; write all metrics, the most important first"
    if len(named) == 1:
        yield f"{key}: hydra.sweeper.metric has one metric, so nothing is left to choose by; leave order out"
    yield from _tolerance_faults(how.tolerance, order)


def _tolerance_faults(tolerance: Mapping[str, Any], order: Sequence[str]) -> Iterator[str]:
    for name, width in tolerance.items():
        key = f"hydra.sweeper.tolerance.{name}"
        if str(name) not in order:
            near = did_you_mean(str(name), order)
            yield f"{key}: hydra.sweeper.order does not have it{near}; it has {', '.join(order) or 'none'}"
        elif name == order[-1]:
            yield f"{key}: it is the last of hydra.sweeper.order, and none is left to choose by behind it; leave it out"
        if not (is_number(width) and 0 <= width < math.inf):
            yield f"{key}: {width} is not allowed; set a number from 0 on, in the units of {name}"


def sum_text(names: tuple[str, ...], terms: tuple[float, ...]) -> str:
    """Return a weighted sum as text, e.g. `val_loss + 0.01 * latency_ms - accuracy`."""
    text = ""
    for name, term in zip(names, terms, strict=True):
        factor = "" if abs(term) == 1 else f"{abs(term):g} * "
        sign = ("-" if term < 0 else "") if not text else (" - " if term < 0 else " + ")
        text += f"{sign}{factor}{name}"
    return text
