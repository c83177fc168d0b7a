# SPDX-License-Identifier: MIT
"""Translate `search_space` and `optuna_config` of hydra-optuna-sweeper 1.0 and 1.1 into current settings."""

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hyperopt_app.errors import ConfigError
from hyperopt_app.space.sweep_text import choices_text, float_text, int_text
from hyperopt_app.support.display_text import did_you_mean

__all__ = ["Translation", "translated"]

_SPACE, _CONFIG = "hydra.sweeper.search_space", "hydra.sweeper.optuna_config"

_KINDS = ("int", "float", "categorical")
_SETTINGS = ("type", "low", "high", "step", "log", "choices")

# Version 1.0 named its three samplers.
_SAMPLERS = {
    "tpe": "optuna.samplers.TPESampler",
    "random": "optuna.samplers.RandomSampler",
    "cmaes": "optuna.samplers.CmaEsSampler",
}
# Not of any dialect, but public files have them; Hydra's grammar has no such functions.
_UNIFORM = re.compile(r"\s*(log_?)?uniform\s*\((.*)\)\s*")


@dataclass
class Translation:
    """The sweeper's fields under their current names.

    Attributes:
        fields: All fields, without `search_space` and `optuna_config`.
        changed: Those of them that the old names gave: what to write instead.
        faults: One line each.
    """

    fields: dict[str, Any]
    changed: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def translated(node: Mapping[str, Any], defaults: Mapping[str, Any], typed: Collection[str]) -> Translation:
    """Translate a composed `hydra.sweeper`; a new name beside an old one must have the same value.

    Args:
        node: Its fields as plain data.
        defaults: The schema's own values: what equals them was not given.
        typed: Dotted names below `hydra.sweeper` that the command line sets; these win over a file's old names.
    """
    new = {key: value for key, value in node.items() if key not in ("search_space", "optuna_config")}
    translation = Translation(new)
    _translate_params(node, typed, translation)
    config = node.get("optuna_config") or {}
    if not isinstance(config, Mapping):
        translation.faults.append(
            f"{_CONFIG}: {config!r} is not a mapping; write its fields directly under hydra.sweeper"
        )
        return translation
    for name, value in config.items():
        _field(str(name), value, defaults, typed, translation)
    return translation


def _translate_params(node: Mapping[str, Any], typed: Collection[str], translation: Translation) -> None:
    space = node.get("search_space") or {}
    if not isinstance(space, Mapping):
        translation.faults.append(f"{_SPACE}: {space!r} is not a mapping; write hydra.sweeper.params: {{key: range}}")
        return
    params = dict(node.get("params") or {})
    functions = {key: text for key, value in params.items() if (text := _uniform(value)) is not None}
    changed = dict(functions)
    for key, entry in space.items():
        where = f"{_SPACE}.{key}"
        try:
            text = _range(where, entry)
        except ConfigError as error:
            translation.faults += error.faults
            continue
        if key in params and {"params", f"params.{key}"} & set(typed):
            continue
        if key in params and _without_spaces(params[key]) != _without_spaces(text):
            translation.faults.append(
                f"{where}: this means {text}, hydra.sweeper.params.{key} says {params[key]}; keep the latter alone"
            )
        changed[str(key)] = text
    if changed:
        translation.fields["params"] = {**params, **changed}
        translation.changed["params"] = changed


def _without_spaces(text: Any) -> str:
    return re.sub(r"\s", "", str(text))


def _uniform(text: Any) -> str | None:
    match = _UNIFORM.fullmatch(str(text))
    if match is None:
        return None
    interval = f"interval({match[2].strip()})"
    return f"tag(log, {interval})" if match[1] else interval


def _range(where: str, entry: Any) -> str:
    """Translate an entry of the old search space into Hydra's sweep grammar."""
    if isinstance(entry, str):
        return entry  # it has the grammar of today already
    if not isinstance(entry, Mapping):
        raise ConfigError([f"{where}: {entry!r} is not a mapping; write e.g. {{type: float, low: 0.0, high: 1.0}}"])
    faults = [
        f"{where}.{name}: this setting is not known{did_you_mean(str(name), _SETTINGS)}; "
        f"there are {', '.join(_SETTINGS)}"
        for name in entry
        if name not in _SETTINGS
    ]
    kind = entry.get("type")
    if kind not in _KINDS:
        came = "is missing" if kind is None else f"{kind!r} is not known{did_you_mean(str(kind), _KINDS)}"
        faults.append(f"{where}.type: {came}; write int, float or categorical")
    elif kind == "categorical":
        faults += _choice_faults(where, entry.get("choices"))
    else:
        faults += _number_faults(where, kind, entry)
    if faults:
        raise ConfigError(faults)
    if kind == "categorical":
        return choices_text(entry["choices"])
    return _number_text(str(kind), entry)


def _choice_faults(where: str, choices: Any) -> list[str]:
    if isinstance(choices, (list, tuple)) and choices:
        return []
    came = "is missing" if choices is None else f"{choices!r} is not a list of choices"
    return [f"{where}.choices: {came}; write a list, e.g. [32, 64]"]


def _number_faults(where: str, kind: str, entry: Mapping[str, Any]) -> Iterator[str]:
    wanted = "a whole number" if kind == "int" else "a number"
    is_log, step = entry.get("log") or False, entry.get("step")
    if not isinstance(is_log, bool):
        yield f"{where}.log: {is_log!r} is not allowed; write true or false"
    before = [name for name in ("low", "high", "step") if _number_of_kind(kind, entry.get(name)) is None]
    for name in before:
        if name != "step" or step is not None:
            came = "is missing" if entry.get(name) is None else f"{entry[name]!r} is not allowed"
            yield f"{where}.{name}: {came}; write {wanted}"
    if "low" in before or "high" in before:
        return
    low, high = _known(kind, entry["low"]), _known(kind, entry["high"])
    if low > high:
        yield f"{where}.low: {low} is above high: {high}; exchange them"
    if is_log and low <= 0:
        yield f"{where}.low: {low} is not allowed with log: true; write {wanted} above 0"
    if step is not None and "step" not in before:
        width = _known(kind, step)
        if width <= 0:
            yield f"{where}.step: {width} is not allowed; write {wanted} above 0"
        elif is_log and (kind, width) != ("int", 1):
            yield f"{where}.step: {width} is not allowed with log: true; leave one of them out"


def _number_of_kind(kind: str, value: Any) -> int | float | None:
    """Convert the value to a number of its kind; None if that fails. YAML takes 1e-5 for text."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if not math.isfinite(number):
        return None
    if kind == "float":
        return number
    return int(value) if isinstance(value, int) else int(number) if number.is_integer() else None


def _known(kind: str, value: Any) -> int | float:
    number = _number_of_kind(kind, value)
    if number is None:
        raise TypeError(f"{value!r} is not a number")  # it has been checked
    return number


def _number_text(kind: str, entry: Mapping[str, Any]) -> str:
    low, high = _known(kind, entry["low"]), _known(kind, entry["high"])
    step = None if entry.get("step") is None else _known(kind, entry["step"])
    log = bool(entry.get("log"))
    if kind == "int":
        return int_text(int(low), int(high), 1 if step is None else int(step), log=log)
    return float_text(low, high, step, log=log)


def _field(
    name: str, value: Any, defaults: Mapping[str, Any], typed: Collection[str], translation: Translation
) -> None:
    """Translate one entry of `optuna_config`."""
    where = f"{_CONFIG}.{name}"
    if name not in _CHECKS:
        way = f"write it as hydra.sweeper.{name}" if name in defaults else "correct the name"
        translation.faults.append(f"{where}: unknown field{did_you_mean(name, tuple(_CHECKS))}; {way}")
        return
    if value is None or any(key == name or key.startswith(f"{name}.") for key in typed):
        return
    if name == "sampler" and isinstance(value, str):
        if value not in _SAMPLERS:
            translation.faults.append(
                f"{where}: {value!r} is not known{did_you_mean(value, tuple(_SAMPLERS))}; write tpe, random or "
                "cmaes, or better override hydra/sweeper/sampler"
            )
            return
        value = {"_target_": _SAMPLERS[value]}
    fault = _CHECKS[name](value)
    if fault is not None:
        translation.faults.append(f"{where}: {value!r} is not allowed; write {fault}")
        return
    if translation.fields.get(name) not in (None, value, defaults[name]):
        translation.faults.append(
            f"{where}: this is {value!r}, hydra.sweeper.{name} is {translation.fields[name]!r}; keep the latter alone"
        )
        return
    translation.fields[name] = translation.changed[name] = value


def _whole(value: Any) -> str | None:
    return None if isinstance(value, int) and not isinstance(value, bool) else "a whole number"


def _not_a_text(value: Any) -> str | None:
    return None if isinstance(value, str) else "a text"


def _method(value: Any) -> str | None:
    return None if isinstance(value, Mapping) and "_target_" in value else "a mapping with a _target_"


def _direction(value: Any) -> str | None:
    words = value if isinstance(value, list) else [value]
    return None if all(isinstance(word, str) for word in words) else "minimize or maximize"


# Field -> what is allowed, if the value is not: the schema has not seen these.
_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "direction": _direction,
    "storage": _not_a_text,
    "study_name": _not_a_text,
    "n_trials": _whole,
    "n_jobs": _whole,
    "sampler": _method,
    "seed": _whole,
    "pruner": _method,
}
