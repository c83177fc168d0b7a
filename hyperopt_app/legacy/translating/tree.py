# SPDX-License-Identifier: MIT
"""Make the user's model config the root of a Hydra config, and locate the searched keys in it.

Keys that Hydra or OmegaConf would interpret themselves are escaped here; the adapter restores them for the objective.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from hyperopt_app.legacy.reading.pair import AS_IT_IS, Parameter

__all__ = ["Places", "Shape", "escaped", "places_of", "shape_of"]

# At the root these are Hydra's or ours.
_TAKEN = ("defaults", "hydra", "objective", "optuna", "placed")
# A part of a key that Hydra's overrides can name.
_NAMEABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)


@dataclass(frozen=True)
class Shape:
    """A plain config that OmegaConf reads back as the user's.

    Attributes:
        root: The config.
        dates: Paths whose text was a date or a time.
        marks: Paths whose text was `???`, which OmegaConf takes for a missing value; they are null here.
        tuples: Paths of lists that were tuples, each before those within it.
    """

    root: Mapping[Any, Any]
    dates: Sequence[tuple[Any, ...]]
    marks: Sequence[tuple[Any, ...]]
    tuples: Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class Places:
    """The places of the searched parameters.

    Attributes:
        keys: Override key of each parameter, as many as there are.
        renamed: Key at the root to the user's own key there.
        placed: `{key, path, value}` of parameters whose path Hydra cannot name; the value is the model's.
    """

    keys: Sequence[str]
    renamed: Mapping[str, str]
    placed: Sequence[Mapping[str, Any]]


def escaped(text: str) -> str:
    """Escape a text so that OmegaConf reads it back unchanged, without an interpolation."""
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", text)


def shape_of(tree: Mapping[Any, Any], searched: Sequence[tuple[Any, ...]] = ()) -> Shape:
    """The config with escaped text; the values at searched paths are replaced in every trial and need no marks."""
    dates: list[tuple[Any, ...]] = []
    marks: list[tuple[Any, ...]] = []
    tuples: list[tuple[Any, ...]] = []

    def convert(value: Any, path: tuple[Any, ...]) -> Any:
        if isinstance(value, Mapping):
            return {key: convert(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            tuples.extend([path] if isinstance(value, tuple) else [])
            return [convert(inner, (*path, index)) for index, inner in enumerate(value)]
        if isinstance(value, date):
            dates.append(path)
            return value.isoformat()
        if value == "???":
            marks.append(path)
            return None
        return escaped(value) if isinstance(value, str) else value

    root = convert(tree, ())
    kept = set(searched)
    lists = ([path for path in paths if path not in kept] for paths in (dates, marks, tuples))
    return Shape(root, *lists)


def places_of(parameters: Sequence[Parameter], model: Mapping[Any, Any]) -> Places:
    """Return the override keys of parameters that are set in the config; `model` is without `optuna`."""
    renamed = _renamed(model)
    own = {name: key for key, name in renamed.items()}
    keys, placed = list[str](), list[dict[str, Any]]()
    paths = [parameter.path for parameter in parameters]
    for parameter in parameters:
        value = _value_at(parameter.path, model)
        if _is_nameable(parameter, value) and not _is_nested(parameter.path, paths):
            first, *rest = parameter.path
            dotted = ".".join([own.get(first, first), *rest])
            keys.append(f"+{dotted}" if parameter.place == "new" else dotted)
            continue
        key = f"p{len(placed)}"
        keys.append(f"placed.{key}")
        placed.append({"key": key, "path": list(parameter.path), "value": AS_IT_IS if _is_tree(value) else value})
    return Places(keys, renamed, placed)


def _renamed(model: Mapping[Any, Any]) -> dict[str, str]:
    renamed: dict[str, str] = {}
    for key in model:
        name = str(key)
        while key in _TAKEN and (name in _TAKEN or name in model or name in renamed):
            name += "_"
        if name != str(key):
            renamed[name] = str(key)
    return renamed


def _is_nameable(parameter: Parameter, value: Any) -> bool:
    """Whether an override can set the path, and replaces the value instead of merging with it."""
    choices = parameter.settings.get("choices", ())
    return (
        all(_NAMEABLE.fullmatch(part) for part in parameter.path)
        and not _is_tree(value)
        and not any(_is_tree(choice) for choice in choices)
    )


def _is_nested(path: tuple[str, ...], paths: Sequence[tuple[str, ...]]) -> bool:
    """Whether a path leads into another or vice versa; then the order in which they are set matters."""
    return any(other != path and other[: len(path)] == path[: len(other)] for other in paths)


def _is_tree(value: Any) -> bool:
    return isinstance(value, Mapping)


def _value_at(path: Sequence[str], model: Any) -> Any:
    for part in path:
        model = model.get(part) if isinstance(model, Mapping) else None
    return model
