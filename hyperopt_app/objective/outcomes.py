# SPDX-License-Identifier: MIT
"""Represent how a trial ended as a value, and derive it from what the objective returned."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyperopt_app.errors import MetricError

__all__ = ["Completed", "Failed", "Interrupted", "Lost", "Outcome", "Parked", "Pruned", "outcome_of"]


@dataclass(frozen=True)
class Completed:
    """The objective returned; `values` in the order of the directions, `metrics` with all that it returned."""

    values: tuple[float, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Pruned:
    """The pruner ended the trial; its last report is its value."""


@dataclass(frozen=True)
class Failed:
    """The objective raised, or returned what cannot be optimised; counts against the budget.

    Attributes:
        kind: One of `failure_kinds.KINDS`.
        error: Type and text of the exception, one line.
        traceback: The whole traceback, empty when there is none.
    """

    kind: str
    error: str
    traceback: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Interrupted:
    """The worker was asked to end; the ticket goes back and the trial continues elsewhere under its number."""


@dataclass(frozen=True)
class Parked:
    """The trial waits at a rung; the ticket goes back, and the worker goes on with another trial."""


@dataclass(frozen=True)
class Lost:
    """The trial's process was lost for a reason unrelated to the trial; it is retried a few times.

    Attributes:
        reason: One line.
        of_node: Whether another node may do better; a quota is the same everywhere.
    """

    reason: str
    of_node: bool = True


# Characters of what an objective returned that an error shows.
_MOST_SHOWN = 60

Outcome = Completed | Pruned | Failed | Interrupted | Parked | Lost


def outcome_of(returned: Any, metric_names: Sequence[str], directions: int) -> Completed | Failed:
    """Convert what an objective returned into an outcome.

    Args:
        returned: A number, a sequence of numbers, or a mapping of metrics.
        metric_names: The optimised metrics, looked up in a mapping; empty if none were configured.
        directions: How many values the study optimises.

    Raises:
        MetricError: A metric is missing from the mapping, or the number of values is wrong.
    """
    if isinstance(returned, Mapping):
        metrics = {str(name): number for name, value in returned.items() if (number := _as_number(value)) is not None}
        values = tuple(metrics[name] for name in _metric_keys(returned, metrics, metric_names, directions))
    else:
        values = _values(returned)
        metrics = dict(zip(metric_names, values, strict=False))
        if len(values) != directions:
            raise MetricError(
                f"The objective returned {_came(returned)}; {directions} number(s) are wanted, one per direction. "
                "Return a number, a list of numbers, or a dictionary of metrics with hydra.sweeper.metric set."
            )
    if not all(math.isfinite(value) for value in values):
        return Failed("diverged", f"the objective returned {_values_text(values)}", metrics=metrics)
    return Completed(values, metrics)


def _metric_keys(
    returned: Mapping[Any, Any], metrics: Mapping[str, float], metric_names: Sequence[str], directions: int
) -> Sequence[str]:
    if not metric_names and len(metrics) == 1 and directions == 1:
        return list(metrics)
    returned = {str(name): value for name, value in returned.items()}
    missing = [name for name in metric_names if name not in metrics]
    wrong = [f"{name} is {_came(returned[name])}" for name in missing if name in returned]
    if wrong and len(wrong) == len(missing):
        raise MetricError(f"hydra.sweeper.metric: {'; '.join(wrong)}. Return a number in its place.")
    if missing or len(metric_names) != directions:
        wanted = ", ".join(missing) or "not named"
        raise MetricError(
            f"hydra.sweeper.metric: {wanted}; the objective returned "
            f"{_listed(returned)}. Set hydra.sweeper.metric to "
            f"{'one of these names' if directions == 1 else f'{directions} of these names'}."
        )
    return metric_names


def _listed(names: Iterable[Any], most: int = 20) -> str:
    known = [str(name) for name in names]
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more if known else "an empty dictionary"


def _values(returned: Any) -> tuple[float, ...]:
    """Return the returned numbers; empty if anything else is among them."""
    single = _as_number(returned)
    if single is not None:
        return (single,)
    if getattr(returned, "ndim", 0) == 1 and hasattr(returned, "tolist"):
        returned = returned.tolist()  # an array or a tensor of several numbers
    if not isinstance(returned, (list, tuple)):
        return ()
    numbers = [number for value in returned if (number := _as_number(value)) is not None]
    return tuple(numbers) if len(numbers) == len(returned) else ()


def _as_number(value: Any) -> float | None:
    """Convert a value to a number if it clearly is one, also a scalar, an array or a tensor with one element."""
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        # Asked first: float() of an array with one element is going out of use in NumPy.
        try:
            value = value.item()
        except Exception:  # noqa: BLE001 - an array or a tensor of many elements, and what each library says of that
            return None
    if value is None or isinstance(value, (str, bytes)):
        return None
    try:
        return float(value)
    except Exception:  # noqa: BLE001 - whatever was returned is asked, and may raise anything
        return None


def _came(value: Any) -> str:
    """Describe a returned value that is not a number: its type, and its text, shortened."""
    if value is None:
        return "None"
    text = " ".join(repr(value).split())
    shown = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
    kind = type(value).__name__
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    shape = getattr(value, "shape", None)
    return f"{article} {kind} {shown}" if not shape else f"{article} {kind} of the shape {tuple(shape)}"


def _values_text(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
