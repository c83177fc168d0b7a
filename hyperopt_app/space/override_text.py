# SPDX-License-Identifier: MIT
"""Convert Hydra's sweep grammar to Optuna's distributions, and values back to override text.

A categorical choice is stored as the override text that selects it (`adam`, `'a b'`, `null`), as hydra-optuna-sweeper
does, so the user's spelling is preserved. Law: for every choice c of a parsed sweep, element_of(c) is the element that
the user wrote.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import ceil, isfinite, ulp
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    OverrideType,
    Quote,
    QuotedString,
    RangeSweep,
    Transformer,
)
from hydra.errors import HydraException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hyperopt_app.errors import SpaceError
from hyperopt_app.hydra_compat import is_transformed

__all__ = [
    "distribution_of",
    "element_of",
    "first_line",
    "override_text",
    "parsed_override",
    "plain_values",
    "quoted_text",
    "value_of_choice",
]


# Of a range whose steps floats cannot keep apart, the values are listed.
_MOST_LISTED = 10_000


def distribution_of(override: Override) -> BaseDistribution | str:
    """Return the distribution of a sweep override, or the value text of a plain one.

    The support equals what Hydra's own sweep iterates: the stop of a range is excluded.

    Raises:
        SpaceError: The range is empty or impossible.
    """
    if not override.is_sweep_override():
        return "" if override.is_delete() else override.get_value_element_as_str()
    sweep = override.value()
    try:
        if isinstance(sweep, IntervalSweep):
            return _interval(sweep)
        if isinstance(sweep, RangeSweep) and not sweep.shuffle and not is_transformed(sweep):
            return _range(sweep, override)
        return _choices(override)
    except (ValueError, OverflowError) as error:  # the latter of whole numbers that no float holds
        raise SpaceError(first_line(error)) from error


def _interval(sweep: IntervalSweep) -> BaseDistribution:
    if sweep.start is None or sweep.end is None:
        raise SpaceError("interval() needs two numbers")
    low, high, log = sweep.start, sweep.end, "log" in sweep.tags
    _check_bounds(low, high, log=log)
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def _check_bounds(low: float, high: float, *, log: bool) -> None:
    if not isfinite(low) or not isfinite(high):
        raise SpaceError(f"the bounds must be finite numbers, not {low:g} and {high:g}; write ones that make sense")
    if not isfinite(float(high) - float(low)):
        raise SpaceError(f"the range from {low:g} to {high:g} is wider than a float can be; write narrower bounds")
    if low > high:
        raise SpaceError(f"`low <= high` must hold, but got {low:g} and {high:g}; write the smaller bound first")
    if log and low <= 0:
        raise SpaceError(f"a logarithmic scale begins above 0, not at {low:g}; write a larger bound, or no tag(log)")


def _range(sweep: RangeSweep, override: Override) -> BaseDistribution:
    bounds = [float(bound) for bound in (sweep.start, sweep.stop, sweep.step) if bound is not None]
    if not all(map(isfinite, bounds)):
        raise SpaceError("a range goes by finite numbers; write finite bounds and a finite step")
    if sweep.step == 0:
        raise SpaceError("the step of a range must not be 0; write a step such as 1, or interval(low, high)")
    values = sweep.range()
    log = "log" in sweep.tags
    if isinstance(values, range):
        if not values:
            raise SpaceError("the range is empty; its stop is excluded")
        low, high = sorted((values[0], values[-1]))
        _check_bounds(low, high, log=log)
        return IntDistribution(low, high, step=abs(values.step), log=log)
    if log:
        raise SpaceError("a range with a step cannot be logarithmic; use tag(log, interval(low, high))")
    return _float_range(sweep, override)


def _float_range(sweep: RangeSweep, override: Override) -> BaseDistribution:
    start, step, count = _steps(sweep)
    if count <= 0:
        raise SpaceError("the range is empty; its stop is excluded")
    low, high = (float(x) for x in sorted((start, start + (count - 1) * step)))
    width = float(abs(step))
    if low != high and (width < max(ulp(low), ulp(high)) or not _is_divisible(low, high, width)):
        # The steps are finer than a float can tell apart, or the last one is not where floats have it.
        if count > _MOST_LISTED:
            raise SpaceError(f"{count:g} steps of {width:g} are too fine for floats; write wider ones, or an interval")
        return _choices(override)
    return FloatDistribution(low, high, step=width)


def _is_divisible(low: float, high: float, width: float) -> bool:
    """Whether the range is a multiple of the step, by Optuna's own rule."""
    return (Decimal(str(high)) - Decimal(str(low))) % Decimal(str(width)) == 0


def _steps(sweep: RangeSweep) -> tuple[Decimal, Decimal, int]:
    """Return the start and step of a range as written, and the number of its values before the stop.

    Hydra 1.3 adds floats up, and so counts the stop of range(0,0.9,0.3) among the values.
    """
    start, stop, step = (Decimal(str(number)) for number in (sweep.start, sweep.stop, sweep.step))
    return start, step, ceil((Fraction(stop) - Fraction(start)) / Fraction(step))


def _elements(override: Override) -> Iterable[Any]:
    """Return the elements of a sweep."""
    sweep = override.value()
    if not isinstance(sweep, RangeSweep) or is_transformed(sweep) or isinstance(sweep.range(), range):
        return override.sweep_iterator()
    start, step, count = _steps(sweep)
    return (float(start + number * step) for number in range(count))


def _choices(override: Override) -> CategoricalDistribution:
    # A shuffled sweep would list its choices in another order in each process, and the order is part of the space.
    value = override.value()
    if isinstance(value, (ChoiceSweep, RangeSweep)) and value.shuffle:
        override = dataclasses.replace(override, _value=dataclasses.replace(value, shuffle=False))
    choices = [_choice(element) for element in _elements(override)]
    if not choices:
        raise SpaceError("there is nothing to choose from")
    return CategoricalDistribution(_distinguished(choices))


def _distinguished(choices: list[Any]) -> list[Any]:
    """Return the choices, with those as text that Python considers equal: to Optuna 0 and false are one."""
    first: dict[Any, Any] = {}
    for choice in choices:
        first.setdefault(choice, choice)
    alike = {choice for choice in choices if repr(choice) != repr(first[choice])}
    return [quoted_text(choice) if choice in alike and not isinstance(choice, str) else choice for choice in choices]


def _choice(element: Any) -> str | int | float | bool:
    if isinstance(element, (bool, int, float)):
        return element
    if isinstance(element, str):
        # choice('1', 'a,b') hands over bare text; what would be read back as something else gets its quotes again.
        # An interpolation stays one.
        return element if _reads_as_itself(element) else QuotedString(element, Quote.single).with_quotes()
    return str(Transformer.str(element))


def override_text(key: str, value: Any) -> str:
    """Return the override that sets `key` to a suggested value; text choices are override text already."""
    if isinstance(value, str):
        return f"{key}={value}"
    return f"{key}={quoted_text(value)}"


def quoted_text(value: Any) -> str:
    """Format any plain value as override text; a config in which it is set holds that value.

    Without a dollar brace element_of(quoted_text(v)) equals v, too. A dollar brace is escaped, so that text never
    turns into an interpolation. (The text `???` alone cannot be said: to OmegaConf it is a missing value.)
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_escaped_key(k)}:{quoted_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(quoted_text(item) for item in value) + "]"
    escaped = re.sub(r"(\\*)\$\{", r"\1\1\\${", str(value))
    return QuotedString(escaped, Quote.single).with_quotes()


def _escaped_key(key: Any) -> str:
    """Escape a key of a mapping in override text; Hydra allows no quotes there, only backslashes."""
    return re.sub(r"([\\()\[\]{}:=, \t])", r"\\\1", str(key))


def element_of(text: str) -> Any:
    """Parse an override value text as Hydra does (the text itself if it cannot be parsed)."""
    try:
        return _parsed(text)
    except HydraException:
        return text


def value_of_choice(choice: Any) -> Any:
    """Return the config value of a choice, where the choice alone determines it.

    An interpolation means something else in each config, so such a choice is its own value.
    """
    if not isinstance(choice, str):
        return choice
    value = element_of(choice)
    return choice if _has_interpolation(value) else _unescaped(value)


def _has_interpolation(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_interpolation, value.values()))
    if isinstance(value, list):
        return any(map(_has_interpolation, value))
    return isinstance(value, str) and any(len(backslashes) % 2 == 0 for backslashes in re.findall(r"(\\*)\$\{", value))


def _unescaped(value: Any) -> Any:
    """Reverse the escaping of `quoted_text`, as OmegaConf does."""
    if isinstance(value, Mapping):
        return {key: _unescaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unescaped(inner) for inner in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"(\\*)\\\$\{", lambda match: f"{match[1][::2]}${{", value)


def parsed_override(line: str) -> Any:
    """Parse `key=value` as Hydra does."""
    return OverridesParser.create().parse_override(line).value()


def _parsed(text: str) -> Any:
    return parsed_override(f"key={text}")


def _reads_as_itself(text: str) -> bool:
    try:
        return bool(_parsed(text) == text)
    except HydraException:
        return False


def first_line(error: Exception) -> str:
    """Return the first informative line of an error's text."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def plain_values(words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Parse overrides that are not sweeps to key and value, and return the errors of the others."""
    parser, values, faults = OverridesParser.create(), dict[str, Any](), list[str]()
    for word in words:
        try:
            override = parser.parse_override(word)
            is_plain = override.type in (OverrideType.CHANGE, OverrideType.ADD, OverrideType.FORCE_ADD)
            if not is_plain or override.is_sweep_override():
                faults.append(f"{word!r}: a point has one value for a key; write KEY=VALUE")
                continue
            key, value = override.get_key_element(), override.value()
        except HydraException as error:
            faults.append(f"{word!r}: {first_line(error)}; write KEY=VALUE")
            continue
        if key.lstrip("+") in {known.lstrip("+") for known in values}:
            faults.append(f"{word!r}: the key is given twice")
        values[key] = value
    return values, faults
