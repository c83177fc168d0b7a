# SPDX-License-Identifier: MIT
"""Check the type and settings of one entry of `optuna.parameters`, and convert numbers written as text."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hyperopt_app.legacy.reading.findings import Findings, missing, nearest, shown
from hyperopt_app.space.override_text import element_of, quoted_text

__all__ = ["is_integer", "kind_of", "number_of", "settings_of", "whole_number"]

# Kind -> settings that it must have, and those that it may have.
_SETTINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "int": (("name", "low", "high"), ("step", "log")),
    "float": (("name", "low", "high"), ("step", "log")),
    "loguniform": (("name", "low", "high"), ()),
    "uniform": (("name", "low", "high"), ()),
    "discrete_uniform": (("name", "low", "high", "q"), ()),
    "categorical": (("name", "choices"), ()),
}
_NUMBERS = ("low", "high", "step", "q")


def kind_of(entry: Any, where: str, findings: Findings) -> str | None:
    """Return the kind of a parameter; None after an error.

    Args:
        entry: The entry.
        where: Its key path, for messages.
        findings: Gets the faults.
    """
    if not isinstance(entry, Mapping):
        findings.fault(where, f"{shown(entry)} is not allowed; write type: and settings: under it")
        return None
    kind = entry.get("type")
    if kind in _SETTINGS:
        return str(kind)
    came = f"{shown(kind)} is not known" if "type" in entry else missing("type", entry)
    findings.fault(f"{where}.type", f"{came}; write one of {', '.join(_SETTINGS)}{nearest(str(kind), _SETTINGS)}")
    return None


def settings_of(kind: str, entry: Mapping[Any, Any], where: str, findings: Findings) -> dict[str, Any] | None:
    """Return the settings with numbers instead of text; None after an error."""
    settings = entry.get("settings")
    required, optional = _SETTINGS[kind]
    if not isinstance(settings, Mapping):
        beside = [key for key in entry if key in (*required, *optional)]
        hint = f"; {', '.join(beside)} belong(s) under it, one level deeper" if beside else ""
        came = missing("settings", entry) if "settings" not in entry else f"{shown(settings)} is not allowed"
        findings.fault(f"{where}.settings", f"{came}; write settings: with {', '.join(required)}{hint}")
        return None
    before = len(findings.faults)
    a_kind = f"an {kind}" if kind == "int" else f"a {kind}"
    for key in required:
        if key not in settings:
            findings.fault(f"{where}.settings.{key}", f"it is missing; {a_kind} parameter wants {', '.join(required)}")
    for key in settings:
        if key not in (*required, *optional):
            allowed = (*required, *optional)
            findings.fault(
                f"{where}.settings.{key}", f"{a_kind} parameter has {', '.join(allowed)}{nearest(str(key), allowed)}"
            )
    clean = {str(key): value for key, value in settings.items()}
    _check_name(clean, where, findings)
    _read_numbers(kind, clean, where, findings)
    if len(findings.faults) == before:
        for fault in _CHECKS[kind](clean):
            findings.fault(f"{where}.settings", fault)
    return clean if len(findings.faults) == before else None


def _read_numbers(kind: str, clean: dict[str, Any], where: str, findings: Findings) -> None:
    known = [key for keys in _SETTINGS[kind] for key in keys]
    for key in _NUMBERS:
        if key in clean and key in known:
            clean[key] = _finite_number(clean[key], f"{where}.settings.{key}", findings, may_be_null=key == "step")
            if kind == "int":
                _note_fraction(key, clean[key], f"{where}.settings.{key}", findings)
    if isinstance(clean.get("log"), str):
        findings.note(
            f"{where}.settings.log is the text {clean['log']!r}, and any text counts as yes; write True or False"
        )


def _note_fraction(key: str, value: Any, where: str, findings: Findings) -> None:
    """An int parameter's bounds lose their fraction, as in Optuna; its step may not have one."""
    if not isinstance(value, float) or value.is_integer():
        return
    if key == "step":
        findings.fault(where, f"{value} is not allowed; the step of an int parameter is a whole number")
    else:
        findings.note(f"{where}: {value} counts as {int(value)}, since the parameter is an int")


def _check_name(clean: dict[str, Any], where: str, findings: Findings) -> None:
    name = clean.get("name", "-")
    if isinstance(name, (int, float)) and not isinstance(name, bool):
        clean["name"] = str(name)
        findings.note(f"{where}.settings.name is the number {name}; the parameter is called {str(name)!r}")
        return
    if not isinstance(name, str) or not name:
        findings.fault(f"{where}.settings.name", f"{shown(name)} is not text; put the name in quotes")


def number_of(value: Any) -> int | float | None:
    """Return the number that a value is or, as text, shows; else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    for read in (int, float):
        try:
            return read(value)
        except (TypeError, ValueError, OverflowError):
            continue
    return None


def whole_number(value: Any) -> int | None:
    """Return the whole number that a value is or, as text, shows; else None."""
    number = number_of(value)
    return int(number) if number is not None and math.isfinite(number) and number == int(number) else None


def _finite_number(value: Any, where: str, findings: Findings, *, may_be_null: bool) -> int | float | None:
    if value is None and may_be_null:
        return None
    real = number_of(value)
    if real is None or not math.isfinite(real):
        findings.fault(where, f"{shown(value)} is not a number; write one, such as 1.0e-6")
        return None
    if isinstance(value, str):
        findings.note(f"{where} is the text {value!r} in YAML 1.1, which wants 1.0e-6 for 1e-6; it counts as {real!r}")
    return real


def _check_int(clean: dict[str, Any]) -> Iterator[str]:
    for key in ("low", "high", "step"):
        if clean.get(key) is not None:
            clean[key] = int(clean[key])
    yield from _check_range(clean, clean.get("step"))
    if clean.get("log") and clean.get("step") not in (None, 1):
        yield "log and step do not go together; remove one of them"
    if clean.get("log") and clean["low"] < 1:
        yield f"low is {clean['low']}, and a logarithmic range begins at 1 or above"


def _check_float(clean: dict[str, Any]) -> Iterator[str]:
    yield from _check_range(clean, clean.get("step"))
    if clean.get("log") and clean.get("step") is not None:
        yield "log and step do not go together; remove one of them"
    elif clean.get("log"):
        yield from _check_log(clean)


def _check_log(clean: dict[str, Any]) -> Iterator[str]:
    if clean["low"] <= 0:
        yield f"low is {clean['low']}, and a logarithmic range begins above 0"


def _check_loguniform(clean: dict[str, Any]) -> Iterator[str]:
    yield from _check_range(clean, None)
    yield from _check_log(clean)


def _check_range(clean: dict[str, Any], step: Any) -> Iterator[str]:
    if clean["low"] > clean["high"]:
        yield f"low is {clean['low']} and high is {clean['high']}; low must not be above high"
    if step is not None and step <= 0:
        yield f"the step is {step}; write a number above 0"


def _check_choices(clean: dict[str, Any]) -> Iterator[str]:
    choices = clean["choices"]
    if not isinstance(choices, Sequence) or isinstance(choices, str) or not choices:
        yield f"choices is {shown(choices)}; write a list with at least one choice"
        return
    for choice in choices:
        if choice == "???" or not _is_plain(choice):
            what = "" if isinstance(choice, Mapping) else f" {shown(choice)}"
            yield f"the choice{what} cannot be kept in a study; {_allowed(choice)}"


def _allowed(choice: Any) -> str:
    keys = [key for key in choice if not _is_plain_key(key)] if isinstance(choice, Mapping) else []
    if keys:
        return f"its key {shown(keys[0])} would be read as something else; use another text"
    return "write text, a number, a boolean, null, or lists and mappings of these"


def _is_plain_key(key: Any) -> bool:
    """Whether Hydra's grammar, which has no quotes for keys, gives this very text back."""
    return isinstance(key, str) and bool(element_of(quoted_text({key: 1})) == {key: 1})


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    if isinstance(value, Mapping):
        return all(_is_plain_key(key) for key in value) and all(_is_plain(item) for item in value.values())
    return value is None or (isinstance(value, (str, bool, int, float)) and value != "???")


_CHECKS: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "int": _check_int,
    "float": _check_float,
    "loguniform": _check_loguniform,
    "uniform": lambda clean: _check_range(clean, None),
    "discrete_uniform": lambda clean: _check_range(clean, clean["q"]),
    "categorical": _check_choices,
}


def is_integer(kind: str, settings: Mapping[str, Any]) -> bool:
    """Whether the config is given an int: also by a discrete_uniform of which every value is whole."""
    if kind == "discrete_uniform":
        return all(float(settings[key]).is_integer() for key in ("low", "high", "q"))
    return kind == "int"
