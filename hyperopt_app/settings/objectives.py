# SPDX-License-Identifier: MIT
"""Read what is optimised: one metric or several, each with its direction, or their weighted sum."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hyperopt_app.support.display_text import did_you_mean, shortened

__all__ = ["Objectives", "names_of", "objectives_of", "sum_text"]

_DIRECTIONS = ("minimize", "maximize")


@dataclass(frozen=True)
class Objectives:
    """What is optimised.

    Attributes:
        metric_names: The metrics that the objective returns, in their order; may be empty.
        directions: Those of the study, one for each of its values.
        terms: Of a weighted sum the factor of each metric, negative where it is maximised; else empty.
        faults: One line for each error.
    """

    metric_names: tuple[str, ...]
    directions: tuple[str, ...]
    terms: tuple[float, ...] = ()
    faults: tuple[str, ...] = ()


def names_of(value: Any) -> tuple[str, ...]:
    """Convert one name, a list of names or enum members, or None to a tuple of texts."""
    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(name for item in value for name in names_of(item))
    return (str(getattr(value, "name", value)),)


def objectives_of(metric: Any, direction: Any, weights: Mapping[str, Any], *, is_directed: bool) -> Objectives:
    """Return what is optimised.

    Args:
        metric: `hydra.sweeper.metric`: a name, a list of names, or a mapping of names to directions.
        direction: `hydra.sweeper.direction`.
        weights: `hydra.sweeper.weights`.
        is_directed: Whether the user has written a direction.
    """
    if not isinstance(metric, Mapping):
        faults = [f"hydra.sweeper.weights: {_NAMED}"] if weights else []
        return Objectives(names_of(metric), names_of(direction), faults=tuple(faults))
    named = {str(name): str(getattr(way, "name", way)) for name, way in metric.items()}
    faults = [*_mapping_faults(named), *_weight_faults(weights, named)]
    if is_directed:
        faults.append(
            f"hydra.sweeper.direction: {', '.join(names_of(direction))} cannot stand beside hydra.sweeper.metric, "
            "which says of each metric whether it is minimized or maximized; leave direction out"
        )
    directions = tuple(way if way in _DIRECTIONS else _DIRECTIONS[0] for way in named.values())
    if faults or not weights:
        return Objectives(tuple(named), directions or _DIRECTIONS[:1], faults=tuple(faults))
    signs = (1.0 if way == _DIRECTIONS[0] else -1.0 for way in directions)
    terms = tuple(sign * float(weights.get(name, 1.0)) for sign, name in zip(signs, named, strict=True))
    return Objectives(tuple(named), _DIRECTIONS[:1], terms)


_NAMED = "weights want metrics with directions; write hydra.sweeper.metric: {loss: minimize, latency_ms: minimize}"


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
        elif not 0 < weight < math.inf:
            yield f"hydra.sweeper.weights.{name}: {weight} is not allowed; set a number above 0"


def sum_text(names: tuple[str, ...], terms: tuple[float, ...]) -> str:
    """Return a weighted sum as text, e.g. `val_loss + 0.01 * latency_ms - accuracy`."""
    text = ""
    for name, term in zip(names, terms, strict=True):
        factor = "" if abs(term) == 1 else f"{abs(term):g} * "
        sign = ("-" if term < 0 else "") if not text else (" - " if term < 0 else " + ")
        text += f"{sign}{factor}{name}"
    return text
