# SPDX-License-Identifier: MIT
"""Translate the suggest calls of original objectives into current ones."""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyperopt_app.legacy.objectives.devices import warn_once

__all__ = ["DECLARED", "Call", "cast", "read_call", "suggest", "trial_suggest_loader"]

_log = logging.getLogger(__name__)

_RANGE = ("name", "low", "high")
# Declared type -> the arguments of `suggest_<type>`, in the order of the time.
DECLARED: dict[str, tuple[str, ...]] = {
    "categorical": ("name", "choices"),
    "discrete_uniform": (*_RANGE, "q"),
    "float": (*_RANGE, "step", "log"),
    "int": (*_RANGE, "step", "log"),
    "loguniform": _RANGE,
    "uniform": _RANGE,
}


@dataclass(frozen=True)
class Call:
    """A suggest call.

    Attributes:
        declared: The type as the user wrote it.
        method: The method of today's trial: suggest_int, suggest_float or suggest_categorical.
        name: The parameter's name in the study.
        arguments: The method's other arguments, by keyword.
    """

    declared: str
    method: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def read_call(declared: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
    """Parse a call of `suggest_<declared>`.

    A whole entry of `optuna.parameters`, with `type` and `settings`, is taken for its settings, and its own type
    counts; a warning says so once.

    Raises:
        TypeError: An argument is missing or unknown.
        ValueError: The entry's type is not one of `DECLARED`.
    """
    entry = args[0] if args and isinstance(args[0], Mapping) else kwargs
    if isinstance(entry.get("settings"), Mapping) and "type" in entry:
        settings = entry["settings"]
        _warn_of_whole_entry(declared, str(entry["type"]), settings)
        return read_call(str(entry["type"]), (), settings)
    if declared not in DECLARED:
        raise ValueError(f"the type {declared!r} is not known; the types are {', '.join(DECLARED)}")
    wanted = DECLARED[declared]
    arguments = {**dict(zip(wanted, args, strict=False)), **kwargs}
    fault = _argument_fault(wanted, args, arguments)
    if fault:
        raise TypeError(f"suggest_{declared}({arguments.get('name', '')!r}): {fault}; it takes {', '.join(wanted)}")
    return _call(declared, arguments)


def _warn_of_whole_entry(written: str, declared: str, settings: Mapping[str, Any]) -> None:
    message = "%s: suggest_%s(**parameters[...]) was given the whole entry; it is taken as suggest_%s(**parameters[...]"
    message += '["settings"]), which is the right spelling'
    warn_once(_log, message, settings.get("name"), written, declared)


def _argument_fault(wanted: Sequence[str], args: Sequence[Any], arguments: Mapping[str, Any]) -> str:
    if len(args) > len(wanted):
        return f"{len(args)} arguments are too many"
    unknown = [name for name in arguments if name not in wanted]
    if unknown:
        return f"{', '.join(unknown)} is unknown"
    missing = [name for name in wanted if name not in arguments and name not in {"step", "log"}]
    return f"{', '.join(missing)} is missing" if missing else ""


def _call(declared: str, values: Mapping[str, Any]) -> Call:
    name = str(values["name"])
    if declared == "categorical":
        return Call(declared, "suggest_categorical", name, {"choices": list(values["choices"])})
    arguments = {key: _number(value) for key, value in values.items() if key not in {"name", "log"}}
    if values.get("log"):
        arguments["log"] = True
    if declared == "int":
        return Call(declared, "suggest_int", name, {key: _whole(value) for key, value in arguments.items()})
    if declared == "discrete_uniform":
        arguments["step"] = arguments.pop("q")
    if declared == "loguniform":
        arguments["log"] = True
    return Call(declared, "suggest_float", name, arguments)


def _number(value: Any) -> Any:
    """Convert text to a number, since YAML 1.1 reads 1e-6 as text."""
    if isinstance(value, str):
        for kind in (int, float):
            with contextlib.suppress(ValueError):
                return kind(value)
    return value


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def cast(call: Call, value: Any) -> Any:
    """Convert the value for the config: whole steps from a whole number give whole numbers."""
    if call.declared == "categorical":
        return value
    bounds = [call.arguments[name] for name in ("low", "high", "step") if name in call.arguments]
    is_whole = call.declared == "int" or (
        call.declared == "discrete_uniform" and all(float(bound).is_integer() for bound in bounds)
    )
    return int(value) if is_whole else float(value)


def suggest(trial: Any, call: Call) -> Any:
    """Ask a trial for the value."""
    return getattr(trial, call.method)(call.name, **call.arguments)


def trial_suggest_loader(trial: Any, config: Mapping[str, Any]) -> Any:
    """The original's function: ask for the value of an entry of `optuna.parameters`.

    Args:
        trial: The running trial.
        config: The entry, with `type` and `settings`.
    """
    call = read_call(str(config["type"]), (), config["settings"])
    return cast(call, suggest(trial, call))
