# SPDX-License-Identifier: MIT
"""The search space: what is searched, what is fixed, and how two spaces differ; pure, touches no study and no file."""

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
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
from hyperopt_app.grammar import distribution_of, element_of, first_line

if TYPE_CHECKING:
    import optuna

__all__ = [
    "MOST_POINTS",
    "Space",
    "describe",
    "differences",
    "grid_points",
    "parse_space",
    "point_of",
    "space_from_json",
    "space_to_json",
    "suggest",
]


# Every point of a grid becomes a ticket.
MOST_POINTS = 100_000


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
            faults.append(f"{where}: {line!r}: {first_line(error)}{_hint(line)}")
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
        SpaceError: A range has no step, so that there is no grid, or there are more than MOST_POINTS points.
    """
    size = math.prod(_grid_size(key, distribution) for key, distribution in space.distributions.items())
    if size > MOST_POINTS:
        raise SpaceError(
            f"hydra.sweeper.params: a grid of {size:,} points is more than the {MOST_POINTS:,} that are allowed; "
            "use wider steps, or another sampler"
        )
    points: list[dict[str, Any]] = [{}]
    for key, distribution in space.distributions.items():
        values = _grid_values(key, distribution)
        points = [{**point, key: value} for point in points for value in values]
    return points


def _grid_size(key: str, distribution: BaseDistribution) -> int:
    if isinstance(distribution, IntDistribution):
        return (distribution.high - distribution.low) // distribution.step + 1
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        return round((distribution.high - distribution.low) / distribution.step) + 1
    return len(_grid_values(key, distribution))


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


def _hint(line: str) -> str:
    if "choice(" in line and "null" in line:
        return " (Hydra's choice() takes no null: write the choices with commas instead, a,b,null)"
    return ""
