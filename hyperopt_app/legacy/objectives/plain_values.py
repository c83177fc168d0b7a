# SPDX-License-Identifier: MIT
"""What `train` returned as plain data: numbers, lists and text, whichever library they came from; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["as_results", "number_of", "plain"]


def plain(value: Any) -> Any:
    """A value that JSON can hold: numpy, pandas, torch and TensorFlow scalars as numbers, their arrays as lists.

    NaN and infinity stay numbers. What is none of these becomes its text.
    """
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    for kind in (str, bool, int, float):  # their subclasses, of which numpy.float64 is one
        if isinstance(value, kind):
            return kind(value)
    unpacked = _unpacked(value)
    return str(value) if unpacked is value else plain(unpacked)


def _unpacked(value: Any) -> Any:
    """The number or the list in an array, a table, a tensor; the value itself if there is none."""
    if isinstance(value, type):
        return value
    if callable(getattr(value, "tolist", None)):
        return value.tolist()
    if hasattr(value, "columns") and hasattr(value, "to_dict"):
        return value.to_dict("list")
    if callable(getattr(value, "numpy", None)):  # TensorFlow
        return value.numpy()
    return value.values if hasattr(getattr(value, "values", None), "tolist") else value  # xarray


def number_of(value: Any) -> float | None:
    """The one number in a value: a scalar of any library, its text, or the only element of a list; else None."""
    found = plain(value)
    while isinstance(found, list) and len(found) == 1:
        found = found[0]
    try:
        return None if found is None else float(found)
    except (TypeError, ValueError):
        return None


def as_results(returned: Any, metrics: Sequence[str]) -> dict[str, Any] | None:
    """The results by name: a mapping (or a Series, a row of a table) as it is, numbers in the order of the metrics.

    Returns:
        None if it is neither, or if there are not as many numbers as metrics.
    """
    if isinstance(returned, Mapping) or (hasattr(returned, "items") and hasattr(returned, "keys")):
        return {str(name): value for name, value in returned.items()}
    if len(metrics) == 1:
        return None if number_of(returned) is None else {metrics[0]: returned}
    values = plain(returned)
    if not isinstance(values, list) or len(values) != len(metrics):
        return None
    return dict(zip(metrics, values, strict=True))
