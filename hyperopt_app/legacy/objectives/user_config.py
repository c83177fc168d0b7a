# SPDX-License-Identifier: MIT
"""Build the plain `conf` dict that the original passed to `train`, and convert what `train` returned to plain data."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from omegaconf import OmegaConf

from hyperopt_app.legacy.reading.pair import AS_IT_IS

__all__ = ["Shape", "as_results", "number_of", "plain", "plain_config"]

# What the translation adds to the root of the user's tree.
_OURS = ("objective", "placed", "hydra")


@dataclass(frozen=True)
class Shape:
    """The differences between the composed config and the user's own.

    Attributes:
        renamed: Key at the root of the tree to the user's key there.
        placed: `{key: ..., path: [...]}`: values under the root's `placed` and where they belong.
        integers: Paths whose value is an int.
        dates: Paths whose text is a date or a time.
        marks: Paths whose text is `???`, which OmegaConf takes for a missing value; they are null in the config.
        tuples: Paths of lists that are tuples, each before those within it.
    """

    renamed: Mapping[str, Any] = field(default_factory=dict)
    placed: Sequence[Mapping[str, Any]] = ()
    integers: Sequence[Sequence[Any]] = ()
    dates: Sequence[Sequence[Any]] = ()
    marks: Sequence[Sequence[Any]] = ()
    tuples: Sequence[Sequence[Any]] = ()


def plain_config(conf: Any, shape: Shape) -> dict[Any, Any]:
    """Return the user's model config with this trial's values, and the section `optuna`; deep and mutable.

    Args:
        conf: The composed config, or plain data of that form.
        shape: Where it differs.
    """
    tree: Any = OmegaConf.to_container(conf, resolve=True) if OmegaConf.is_config(conf) else copy.deepcopy(conf)
    values = tree.get("placed") or {}
    kept = {shape.renamed.get(key, key): value for key, value in tree.items() if key not in _OURS}
    for place in shape.placed:
        if values.get(place["key"], AS_IT_IS) != AS_IT_IS:
            _set(kept, place["path"], values[place["key"]])
    for path in shape.integers:
        _change(kept, path, int)
    for path in shape.dates:
        _change(kept, path, _date)
    for path in shape.marks:
        _set(kept, path, "???")
    for path in reversed(shape.tuples):
        _change(kept, path, tuple)
    return kept


def _date(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


def _set(tree: dict[Any, Any], path: Sequence[Any], value: Any) -> None:
    for key in path[:-1]:
        tree = tree[key]
    tree[path[-1]] = value


def _change(tree: dict[Any, Any], path: Sequence[Any], change: Any) -> None:
    """Convert the value at a path, if there is one."""
    node: Any = tree
    for key in path[:-1]:
        node = node.get(key) if isinstance(node, Mapping) else node[key] if isinstance(node, list) else None
    is_there = path[-1] in node if isinstance(node, Mapping) else isinstance(node, list)
    if is_there and node[path[-1]] is not None:
        node[path[-1]] = change(node[path[-1]])


def plain(value: Any) -> Any:
    """Convert a value to JSON types: numbers of numpy, pandas, torch and TensorFlow, and their arrays as lists.

    NaN and infinity stay numbers. What is none of these becomes its text.
    """
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    for kind in (str, bool, int, float):  # their subclasses, of which numpy.float64 is one
        if isinstance(value, kind):
            return kind(value)
    unpacked = _unpacked(value)
    return str(value) if unpacked is value else plain(unpacked)


def _unpacked(value: Any) -> Any:
    """Return the number or the list in an array, a table, a tensor; the value itself if there is none."""
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
    """Return the one number in a value: a scalar of any library, its text, or the only element of a list; else None."""
    number = plain(value)
    while isinstance(number, list) and len(number) == 1:
        number = number[0]
    try:
        return None if number is None else float(number)
    except (TypeError, ValueError):
        return None


def as_results(returned: Any, metrics: Sequence[str]) -> dict[str, Any] | None:
    """Return results by name: a mapping (or a Series, a table row) unchanged, numbers in the order of the metrics.

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
