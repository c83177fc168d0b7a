# SPDX-License-Identifier: MIT
"""The search space: Hydra's override text to Optuna's distributions and back; pure, touches no study and no file.

A categorical choice is kept as the override text that selects it (`adam`, `'a b'`, `null`), as hydra-optuna-sweeper
does, so whatever was written survives the way back. Law: for every choice c of a space,
parse(override_text(key, c)) is the element that the user wrote.
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil, ulp
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    FloatRange,
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
    Transformer,
)
from hydra.errors import HydraException
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)

from hyperopt_app.errors import SpaceError

if TYPE_CHECKING:
    import optuna

__all__ = [
    "Space",
    "describe",
    "differences",
    "distribution_of",
    "element_of",
    "grid_points",
    "override_text",
    "parse_space",
    "point_of",
    "quoted_text",
    "space_from_json",
    "space_to_json",
    "suggest",
]


@dataclass(frozen=True)
class Space:
    """What is searched and what is fixed.

    Attributes:
        distributions: Override key (with a leading `+` or `++` and a package, if written so) to distribution.
        fixed: Override texts that every trial gets, in the order in which they were written.
        pinned: The fixed `key=value` among them, key to value text.
    """

    distributions: Mapping[str, BaseDistribution]
    fixed: tuple[str, ...] = ()
    pinned: Mapping[str, str] = field(default_factory=dict)


def parse_space(
    params: Mapping[str, Any], arguments: Sequence[str], config_loader: Any = None
) -> tuple[Space, list[str]]:
    """Read the sweeper's params and the command line's overrides; a later entry replaces an earlier of its key.

    Args:
        params: Override key to sweep text, `hydra.sweeper.params`.
        arguments: The overrides of the command line.
        config_loader: Hydra's loader, needed only to expand `glob(...)` over a config group.

    Returns:
        The space, and one line per fault; the space is usable only if there is no fault.
    """
    lines = [(f"hydra.sweeper.params.{key}", f"{key}={text}") for key, text in params.items()]
    lines += [("command line", line) for line in arguments]
    parser = OverridesParser.create(config_loader=config_loader)
    found: dict[str, tuple[str, BaseDistribution | str, str]] = {}
    faults = []
    for where, line in lines:
        try:
            override = dataclasses.replace(parser.parse_override(line), config_loader=config_loader)
            value = distribution_of(override)
        except (HydraException, SpaceError) as error:
            faults.append(f"{where}: {line!r}: {_first_line(error)}{_hint(line)}")
            continue
        bare = override.key_or_group + (f"@{override.package}" if override.package else "")
        key = f"~{bare}" if override.is_delete() else override.get_key_element()
        found[bare] = (key, value, line)
    return _space(found.values()), faults


def _space(entries: Iterable[tuple[str, BaseDistribution | str, str]]) -> Space:
    distributions, fixed, pinned = {}, [], {}
    for key, value, line in entries:
        if isinstance(value, BaseDistribution):
            distributions[key] = value
            continue
        fixed.append(line)
        if not key.startswith("~"):
            pinned[key] = value
    return Space(distributions, tuple(fixed), pinned)


def distribution_of(override: Override) -> BaseDistribution | str:
    """The distribution of a sweep override, or the value text of a plain one.

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
        if isinstance(sweep, RangeSweep) and not sweep.shuffle and not sweep.transformers:
            return _range(sweep, override)
        return _choices(override)
    except ValueError as error:
        raise SpaceError(_first_line(error)) from error


def _interval(sweep: IntervalSweep) -> BaseDistribution:
    if sweep.start is None or sweep.end is None:
        raise SpaceError("interval() wants two numbers")
    low, high, log = sweep.start, sweep.end, "log" in sweep.tags
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def _range(sweep: RangeSweep, override: Override) -> BaseDistribution:
    if sweep.step == 0:
        raise SpaceError("the step of a range must not be 0")
    values = sweep.range()
    log = "log" in sweep.tags
    if isinstance(values, range):
        if not values:
            raise SpaceError("the range is empty; its stop is excluded")
        low, high = sorted((values[0], values[-1]))
        return IntDistribution(low, high, step=abs(values.step), log=log)
    if log:
        raise SpaceError("a range with a step cannot be logarithmic; use tag(log, interval(low, high))")
    return _float_range(values, override)


def _float_range(values: FloatRange, override: Override) -> BaseDistribution:
    start, stop, step = (Decimal(str(x)) for x in (values.start, values.stop, values.step))
    count = ceil((Fraction(stop) - Fraction(start)) / Fraction(step))
    if count <= 0:
        raise SpaceError("the range is empty; its stop is excluded")
    low, high = (float(x) for x in sorted((start, start + (count - 1) * step)))
    width = float(abs(step))
    if width < max(ulp(low), ulp(high)) and low != high:
        return _choices(override)  # the steps are finer than a float can tell apart
    return FloatDistribution(low, high, step=width)


def _choices(override: Override) -> CategoricalDistribution:
    # A shuffled sweep would list its choices in another order in each process, and the order is part of the space.
    value = override.value()
    if isinstance(value, (ChoiceSweep, RangeSweep)) and value.shuffle:
        override = dataclasses.replace(override, _value=dataclasses.replace(value, shuffle=False))
    choices = [_choice(element) for element in override.sweep_iterator()]
    if not choices:
        raise SpaceError("there is nothing to choose from")
    return CategoricalDistribution(choices)


def _choice(element: Any) -> str | int | float | bool:
    if isinstance(element, (bool, int, float)):
        return element
    if isinstance(element, str):
        # choice('1', 'a,b') hands over bare text; what would be read back as something else gets its quotes again.
        # An interpolation stays one.
        return element if _reads_as_itself(element) else QuotedString(element, Quote.single).with_quotes()
    return str(Transformer.str(element))


def override_text(key: str, value: Any) -> str:
    """The override that sets `key` to a suggested value of this space; text choices are override text already."""
    if isinstance(value, str):
        return f"{key}={value}"
    return f"{key}={quoted_text(value)}"


def quoted_text(value: Any) -> str:
    """Any plain value as override text; a config in which it is set holds that value.

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
        return "{" + ",".join(f"{k}:{quoted_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(quoted_text(item) for item in value) + "]"
    escaped = re.sub(r"(\\*)\$\{", r"\1\1\\${", str(value))
    return QuotedString(escaped, Quote.single).with_quotes()


def element_of(text: str) -> Any:
    """What Hydra makes of an override value text (text itself if it cannot be parsed)."""
    try:
        return _parsed(text)
    except HydraException:
        return text


def _parsed(text: str) -> Any:
    return OverridesParser.create().parse_override(f"key={text}").value()


def _reads_as_itself(text: str) -> bool:
    try:
        return bool(_parsed(text) == text)
    except HydraException:
        return False


def suggest(trial: "optuna.Trial", name: str, distribution: BaseDistribution) -> Any:
    """Let Optuna suggest `name` from `distribution`, by its public calls. Runs in a worker."""
    if isinstance(distribution, FloatDistribution):
        low, high = distribution.low, distribution.high
        return trial.suggest_float(name, low, high, step=distribution.step, log=distribution.log)
    if isinstance(distribution, IntDistribution):
        low, high = distribution.low, distribution.high
        return trial.suggest_int(name, low, high, step=distribution.step, log=distribution.log)
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    raise SpaceError(f"{name}: {distribution!r} is not a distribution that can be searched")


def point_of(space: Space, point: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Check a warm-start point and spell it as the space does.

    Returns:
        Space key to value, and the faults: unknown keys and values out of range.
    """
    keys = {key.lstrip("+"): key for key in space.distributions}
    known, faults = {}, []
    for name, value in point.items():
        key = keys.get(str(name).lstrip("+"))
        if key is None:
            faults.append(f"{name!r} is not searched; the searched keys are {', '.join(keys) or 'none'}")
            continue
        spelled = _spelled(space.distributions[key], value)
        if spelled is _OUTSIDE:
            faults.append(f"{name}={value!r} is out of range; allowed is {describe(space.distributions[key])}")
            continue
        known[key] = spelled
    return known, faults


_OUTSIDE = object()


def _spelled(distribution: BaseDistribution, value: Any) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        for choice in distribution.choices:
            meanings = (choice, element_of(choice)) if isinstance(choice, str) else (choice,)
            if any(type(value) is type(meaning) and value == meaning for meaning in meanings):
                return choice
        return _OUTSIDE
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _OUTSIDE
    # Optuna rounds what lies between two steps and warns of what lies outside; both would start another point
    # than the one that was asked for.
    low, high, step = distribution.low, distribution.high, distribution.step  # type: ignore[attr-defined]
    if not low <= value <= high:
        return _OUTSIDE
    if step is not None and abs((value - low) / step - round((value - low) / step)) > 1e-8:
        return _OUTSIDE
    return int(value) if isinstance(distribution, IntDistribution) else float(value)


def grid_points(space: Space) -> list[dict[str, Any]]:
    """Every point of a space of steps and choices, in the order of the keys.

    Raises:
        SpaceError: A range has no step, so that there is no grid; the text names it.
    """
    points: list[dict[str, Any]] = [{}]
    for key, distribution in space.distributions.items():
        values = _grid_values(key, distribution)
        points = [{**point, key: value} for point in points for value in values]
    return points


def _grid_values(key: str, distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        # In decimals, as Hydra counts: 0.3 and not 0.30000000000000004.
        low, high, step = (Decimal(str(x)) for x in (distribution.low, distribution.high, distribution.step))
        return [float(low + i * step) for i in range(round((high - low) / step) + 1)]
    raise SpaceError(
        f"hydra.sweeper.params.{key}: a grid wants steps or choices, not {describe(distribution)}; "
        "use range(low, stop, step=...) or choice(...), or another sampler"
    )


def describe(distribution: BaseDistribution) -> str:
    """The distribution as a user would write it."""
    if isinstance(distribution, CategoricalDistribution):
        return f"choice({', '.join('null' if c is None else str(c) for c in distribution.choices)})"
    low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
    step, log = distribution.step, distribution.log  # type: ignore[attr-defined]
    text = f"[{low:g}, {high:g}]"
    kind = "int" if isinstance(distribution, IntDistribution) else "float"
    extra = [kind] + (["log"] if log else []) + ([f"step {step:g}"] if step not in (None, 1) else [])
    return f"{text} ({', '.join(extra)})"


def differences(old: Space, new: Space) -> tuple[list[str], list[str]]:
    """What changed between two spaces, pure.

    Returns:
        Lines for changes that a study can carry (other bounds, parameters added or taken away, other fixed values),
        and lines for those that it cannot (other choices, another kind or scale of number).
    """
    soft: list[str] = []
    hard: list[str] = []
    for key in dict.fromkeys([*old.distributions, *new.distributions]):
        before, after = old.distributions.get(key), new.distributions.get(key)
        if before == after:
            continue
        told = (describe(one) if one else "not searched" for one in (before, after))
        line = f"{key}: {' -> '.join(told)}"
        (soft if _compatible(before, after) else hard).append(line)
    if set(old.fixed) != set(new.fixed):
        gone = [line for line in old.fixed if line not in new.fixed]
        come = [line for line in new.fixed if line not in old.fixed]
        soft.append(f"fixed: {' '.join(gone) or 'nothing'} -> {' '.join(come) or 'nothing'}")
    return soft, hard


def _compatible(before: BaseDistribution | None, after: BaseDistribution | None) -> bool:
    if before is None or after is None:
        return True
    try:
        check_distribution_compatibility(before, after)
    except ValueError:
        return False
    return True


def space_to_json(space: Space) -> dict[str, Any]:
    """The space as plain data for the study; space_from_json(space_to_json(s)) equals s."""
    return {
        "distributions": {key: json.loads(distribution_to_json(d)) for key, d in space.distributions.items()},
        "fixed": list(space.fixed),
        "pinned": dict(space.pinned),
    }


def space_from_json(data: Mapping[str, Any]) -> Space:
    """The space that `space_to_json` wrote."""
    distributions = {key: json_to_distribution(json.dumps(d)) for key, d in data["distributions"].items()}
    return Space(distributions, tuple(data["fixed"]), dict(data["pinned"]))


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _hint(line: str) -> str:
    if "choice(" in line and "null" in line:
        return " (Hydra's choice() takes no null: write the choices with commas instead, a,b,null)"
    return ""
