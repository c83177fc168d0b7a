# SPDX-License-Identifier: MIT
"""Read the points to try first: `optuna.enqueue`, and the points of a GridSampler's search_space."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hyperopt_app.legacy.reading.findings import Findings, nearest, shown
from hyperopt_app.legacy.reading.pair import Method, Parameter
from hyperopt_app.legacy.reading.parameter_settings import number_of

__all__ = ["check_sampler", "is_full_grid", "read_enqueue", "read_grid"]

# Arguments of samplers that hold values by the parameters' names.
_BY_NAME = ("x0", "fixed_params")


def read_enqueue(section: Any, parameters: Sequence[Parameter], findings: Findings) -> list[dict[str, Any]]:
    """Read the points of `optuna.enqueue`, by `settings.name`."""
    if section is None:
        return []
    if not isinstance(section, Sequence) or isinstance(section, str):
        findings.fault("optuna.enqueue", f"{shown(section)} is not allowed; write a list of {{name: value}}")
        return []
    points = []
    for number, point in enumerate(section):
        where = f"optuna.enqueue[{number}]"
        if not isinstance(point, Mapping):
            findings.fault(where, f"{shown(point)} is not a point; write {{name: value, ...}}")
            continue
        points.append({str(key): _value(str(key), value, where, parameters, findings) for key, value in point.items()})
    return points


def _value(key: str, value: Any, where: str, parameters: Sequence[Parameter], findings: Findings) -> Any:
    named = next((entry for entry in parameters if entry.name == key), None)
    if named is None:
        meant = [entry for entry in parameters if key in (entry.key, entry.path[-1])]
        near = (
            f"; {meant[0].key} is called {meant[0].name} here"
            if meant
            else nearest(key, [entry.name for entry in parameters])
        )
        names = ", ".join(dict.fromkeys(entry.name for entry in parameters))
        findings.fault(f"{where}.{key}", f"no parameter has this name (settings.name); there are {names}{near}")
        return value
    return _checked(named, value, f"{where}.{key}", findings)


def _checked(parameter: Parameter, value: Any, where: str, findings: Findings) -> Any:
    settings = parameter.settings
    if parameter.declared == "categorical":
        if not any(type(value) is type(choice) and value == choice for choice in settings["choices"]):
            findings.fault(where, f"{shown(value)} is none of its choices {settings['choices']!r}")
        return value
    number = number_of(value)
    if number is None or not math.isfinite(number):
        findings.fault(where, f"{shown(value)} is not a number; {parameter.key} is of type {parameter.declared}")
        return value
    if not settings["low"] <= number <= settings["high"]:
        findings.note(
            f"{where}: {number} is outside of {settings['low']} to {settings['high']}; Optuna tries it all the same"
        )
    return int(number) if parameter.declared == "int" else float(number)


def check_sampler(sampler: Method | None, parameters: Sequence[Parameter], findings: Findings) -> Method | None:
    """Check the sampler's arguments against the parameters."""
    if sampler is None:
        return None
    if sampler.name == "BruteForceSampler":
        _refuse_endless(parameters, findings)
    named = {
        key: {
            str(name): _value(str(name), value, f"optuna.sampler.{key}", parameters, findings)
            for name, value in sampler.arguments[key].items()
        }
        for key in _BY_NAME
        if isinstance(sampler.arguments.get(key), Mapping)
    }
    return replace(sampler, arguments={**sampler.arguments, **named}) if named else sampler


def _refuse_endless(parameters: Sequence[Parameter], findings: Findings) -> None:
    endless = [
        entry.key
        for entry in parameters
        if entry.declared in ("float", "uniform", "loguniform") and entry.settings.get("step") is None
    ]
    if endless:
        findings.fault(
            "optuna.sampler.type",
            f"BruteForceSampler tries every value, and {', '.join(endless)} has no end of them; give it a step, or "
            "write TPESampler, which releases up to 1.2 took in its place",
        )


def read_grid(
    sampler: Method, n_trials: int, parameters: Sequence[Parameter], findings: Findings
) -> list[dict[str, Any]]:
    """At most `n_trials` points of a GridSampler's search_space: all of them in their order, or drawn by its seed."""
    space = sampler.arguments.get("search_space")
    where = "optuna.sampler.search_space"
    if not isinstance(space, Mapping) or not space:
        findings.fault(where, "GridSampler wants it; write {settings.name of each parameter: list of values}")
        return []
    before = len(findings.faults)
    values = {}
    for key, choices in space.items():
        if not isinstance(choices, Sequence) or isinstance(choices, str) or not choices:
            findings.fault(f"{where}.{key}", f"{shown(choices)} is not allowed; write a list of values")
            continue
        values[str(key)] = [_value(str(key), value, where, parameters, findings) for value in choices]
    missing = [entry.name for entry in parameters if entry.place != "objective" and entry.name not in space]
    if missing:
        findings.fault(where, f"GridSampler wants values for every parameter; {', '.join(missing)} is missing")
    if len(findings.faults) > before:
        return []
    size = math.prod(len(choices) for choices in values.values())
    chosen: Sequence[int] = range(size)
    if n_trials < size:
        findings.note(f"GridSampler: {n_trials} of the {size} points of search_space are tried, drawn at random")
        chosen = sorted(random.Random(sampler.arguments.get("seed") or 0).sample(range(size), n_trials))
    else:
        findings.note(f"GridSampler: the {size} points of search_space are the trials, each once")
    return [_point(values, number) for number in chosen]


def _point(values: Mapping[str, Sequence[Any]], number: int) -> dict[str, Any]:
    """Return the point of that number, the last name changing fastest."""
    point = {}
    for name, choices in reversed(list(values.items())):
        number, index = divmod(number, len(choices))
        point[name] = choices[index]
    return {name: point[name] for name in values}


def is_full_grid(space: Mapping[Any, Sequence[Any]], parameters: Sequence[Parameter]) -> bool:
    """Whether a search_space contains every value of every parameter."""
    if any(entry.place == "objective" for entry in parameters):
        return False
    return all(_is_full(space.get(entry.name, ()), entry) for entry in parameters)


def _is_full(values: Sequence[Any], parameter: Parameter) -> bool:
    settings = parameter.settings
    if parameter.declared == "categorical":
        return len(values) == len(settings["choices"]) and all(
            any(type(value) is type(choice) and value == choice for value in values) for choice in settings["choices"]
        )
    if parameter.declared != "int":
        return False
    whole = range(settings["low"], settings["high"] + 1, settings.get("step") or 1)
    return len(values) == len(whole) and all(number_of(value) in whole for value in values)
