# SPDX-License-Identifier: MIT
"""Bring fields whose values are mappings or lists into that shape, and say which values have another one.

The schema takes any value there, since Hydra's own words for a wrong one name neither the key nor what is allowed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from omegaconf import MISSING

from hyperopt_app.support.display_text import shortened

__all__ = ["is_number", "shaped"]

_MAPPINGS = {
    "prior": "{key: value}, such as {learning_rate: 0.001}",
    "when": "{condition: {key: range}}, such as {optimizer=sgd: {momentum: 'interval(0, 1)'}}",
    "weights": "{metric: number}, such as {latency_ms: 0.01}",
    "tolerance": "{metric: number}, such as {val_loss: 0.01}",
    "logger": "names such as [csv, tensorboard], or {name: its fields}",
    "budget": "its fields, such as {hours: 8}; hydra.sweeper.n_trials is the number of trials",
    "repeats": "the number of trainings, such as 5, or {n: 5, aggregate: mean, race: true}",
}
_LISTS = {
    "warm_start": "a list of directories, such as [studies/old]",
    "constraints": "a list of texts, such as ['latency_ms <= 100']",
    "order": "a list of metrics, such as [val_loss, latency_ms]",
}
# What the fields of a mapping are made of: `${oc.env:N}` gives a text.
_TYPES: dict[str, Callable[[str], type | None]] = {
    "weights": lambda _name: float,
    "tolerance": lambda _name: float,
    "budget": lambda _name: float,
    "repeats": {"n": int, "race": bool}.get,
}
_FLAGS = {"true": True, "false": False}


def shaped(fields: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the fields in their shapes, and one line for each that has another.

    A number alone is that of the repeats, a name alone is that logger, and a text alone is a list of one.

    Args:
        fields: Fields of `hydra.sweeper` as plain data.
        defaults: The schema's.

    Returns:
        All fields, those with a fault as by default; and the faults.
    """
    kept, faults = dict(fields), list[str]()
    for name, allowed in (*_MAPPINGS.items(), *_LISTS.items()):
        if name not in kept:
            continue
        kind: type = dict if name in _MAPPINGS else list
        value: Any = None if kept[name] == MISSING else _in_full(name, kept[name])
        if not (value is None or isinstance(value, kind)):
            faults.append(f"hydra.sweeper.{name}: {shortened(repr(value))} is not allowed; write {allowed}")
            value = None
        if value is None:
            value = defaults[name] if isinstance(defaults[name], kind) else kind()
        kept[name] = _read_texts(value, _TYPES[name]) if name in _TYPES else value
    return kept, faults


def is_number(value: Any) -> bool:
    """Whether a value is a number, and not a flag."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _in_full(name: str, value: Any) -> Any:
    """Write a short form in full."""
    if name == "repeats" and is_number(_converted(value, int)):
        return {"n": value}
    if name == "logger":
        names = [value] if isinstance(value, str) and value.strip() else value
        are_names = isinstance(names, list) and all(isinstance(each, str) for each in names)
        return {each: {} for each in names} if are_names else value
    return [value] if name in _LISTS and isinstance(value, str) else value


def _read_texts(node: Mapping[str, Any], type_of: Callable[[str], type | None]) -> dict[str, Any]:
    return {name: _converted(value, type_of(name)) for name, value in node.items()}


def _converted(value: Any, kind: type | None) -> Any:
    """Convert a text; one that has no such meaning stays, for other checks."""
    if kind is None or not isinstance(value, str):
        return value
    if kind is bool:
        return _FLAGS.get(value.lower(), value)
    try:
        return kind(value)
    except ValueError:
        return value
