# SPDX-License-Identifier: MIT
"""The search space: what is searched, what is fixed, and how two spaces differ; pure, touches no study and no file."""

import dataclasses
import json
import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
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
    "suggest_all",
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
        names: Override key to its name in the study, where that is another; keys with one name share one value.
    """

    distributions: Mapping[str, BaseDistribution]
    fixed: tuple[str, ...] = ()
    pinned: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, BaseDistribution]:
        """Name in the study to distribution; of keys that share a name the first counts."""
        found: dict[str, BaseDistribution] = {}
        for key, distribution in self.distributions.items():
            found.setdefault(self.names.get(key, key), distribution)
        return found

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Override key to value, from a trial's parameters; what the trial does not have is left out."""
        named = {key: self.names.get(key, key) for key in self.distributions}
        return {key: params[name] for key, name in named.items() if name in params}


def parse_space(
    params: Mapping[str, Any],
    arguments: Sequence[str],
    config_loader: Any = None,
    names: Mapping[str, Any] | None = None,
) -> tuple[Space, list[str]]:
    """Read the sweeper's params and the command line's overrides; a later entry replaces an earlier of its key.

    Args:
        params: Override key to sweep text, `hydra.sweeper.params`.
        arguments: The overrides of the command line.
        config_loader: Hydra's loader, needed only to expand `glob(...)` over a config group.
        names: Override key to its name in the study, `hydra.sweeper.names`.

    Returns:
        The space, and one line per fault; the space is usable only if there is no fault.
    """
    lines = [(f"hydra.sweeper.params.{key}", f"{key}={text}") for key, text in params.items()]
    lines += [("command line", line) for line in arguments]
    parser = OverridesParser.create(config_loader=config_loader)
    found: dict[str, tuple[str, BaseDistribution | str, str]] = {}
    faults, unread = list[str](), set[str]()
    for where, line in lines:
        try:
            override = dataclasses.replace(parser.parse_override(line), config_loader=config_loader)
            value = distribution_of(override)
        except (HydraException, SpaceError) as error:
            faults.append(f"{where}: {line!r}: {first_line(error)}{_hint(line)}")
            unread.add(line.partition("=")[0].lstrip("+"))
            continue
        bare = override.key_or_group + (f"@{override.package}" if override.package else "")
        key = f"~{bare}" if override.is_delete() else override.get_key_element()
        found[bare] = (key, value, line)
    space = _space(found.values())
    known, name_faults = _names(space, names or {}, unread)
    return dataclasses.replace(space, names=known), faults + name_faults


def _names(space: Space, wanted: Mapping[str, Any], unread: Container[str]) -> tuple[dict[str, str], list[str]]:
    """The names by the space's own keys, and the faults: unknown keys, and keys that cannot share their name."""
    keys = {key.lstrip("+"): key for key in space.distributions}
    fixed = {key.lstrip("+") for key in space.pinned}
    names, faults = {}, list[str]()
    for key, name in wanted.items():
        bare = str(key).lstrip("+")
        if bare in keys:
            names[keys[bare]] = str(name)
        elif bare not in fixed and bare not in unread:
            faults.append(
                f"hydra.sweeper.names.{key}: this key is not searched; "
                f"the searched keys are {', '.join(keys) or 'none'}"
            )
    first: dict[str, str] = {}
    for key, distribution in space.distributions.items():
        name = names.get(key, key)
        other = first.setdefault(name, key)
        if not _compatible(space.distributions[other], distribution):
            faults.append(
                f"hydra.sweeper.names.{key}: {name!r} is the name of {other} too, and one value cannot be "
                f"{describe(space.distributions[other])} and {describe(distribution)}; give it another name"
            )
    return names, faults


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


def suggest_all(trial: "optuna.Trial", space: Space) -> None:
    """Let Optuna suggest every parameter of the space. Runs in a worker."""
    for name, distribution in space.parameters.items():
        suggest(trial, name, distribution)


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


def point_of(space: Space, point: Mapping[str, Any], *, unchecked: bool = False) -> tuple[dict[str, Any], list[str]]:
    """Check a warm-start point and spell it as the space does.

    Args:
        space: The space.
        point: Override key, or name in the study, to value.
        unchecked: Let further names and numbers out of range pass (Optuna takes them, with a warning).

    Returns:
        Name in the study to value, and the faults: unknown keys and values out of range.
    """
    keys = {key.lstrip("+"): key for key in space.distributions}
    parameters = space.parameters
    known, faults = {}, []
    for given, value in point.items():
        key = keys.get(str(given).lstrip("+"))
        name = str(given) if key is None else space.names.get(key, key)
        if name not in parameters:
            if unchecked:
                known[name] = value
            else:
                faults.append(f"{given!r} is not searched; the searched keys are {', '.join(keys) or 'none'}")
            continue
        spelled = _spelled(parameters[name], value)
        if spelled is _OUTSIDE and unchecked and not isinstance(parameters[name], CategoricalDistribution):
            spelled = value
        if spelled is _OUTSIDE:
            faults.append(f"{given}={value!r} is out of range; allowed is {describe(parameters[name])}")
            continue
        known[name] = spelled
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
    """Every point of a space of steps and choices, by name, in the order of the keys.

    Raises:
        SpaceError: A range has no step, so that there is no grid, or there are more than MOST_POINTS points.
    """
    size = math.prod(_grid_size(name, distribution) for name, distribution in space.parameters.items())
    if size > MOST_POINTS:
        raise SpaceError(
            f"hydra.sweeper.params: a grid of {size:,} points is more than the {MOST_POINTS:,} that are allowed; "
            "use wider steps, or another sampler"
        )
    points: list[dict[str, Any]] = [{}]
    for name, distribution in space.parameters.items():
        values = _grid_values(name, distribution)
        points = [{**point, name: value} for point in points for value in values]
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
        was, is_now = old.distributions.get(key), new.distributions.get(key)
        if was == is_now:
            continue
        told = (describe(one) if one else "not searched" for one in (was, is_now))
        line = f"{key}: {' -> '.join(told)}"
        (soft if _compatible(was, is_now) else hard).append(line)
    soft += _differences_of_fixed(old.fixed, new.fixed)
    for key in old.distributions.keys() & new.distributions.keys():
        before, after = old.names.get(key, key), new.names.get(key, key)
        if before != after:
            hard.append(f"{key}: named {before} -> named {after}")
    return soft, hard


def _differences_of_fixed(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """The overrides that all trials share, in words: an arrow between two of them would say little."""
    gone = {line.partition("=")[0]: line for line in old if line not in new}
    come = {line.partition("=")[0]: line for line in new if line not in old}
    for key in dict.fromkeys([*gone, *come]):
        if key not in come:
            yield f"{gone[key]} was given when the study began, and is not given now"
        elif key not in gone:
            yield f"{come[key]} is given now, and was not when the study began"
        else:
            yield f"{gone[key]} was given when the study began, now it is {come[key]}"


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
        "names": dict(space.names),
    }


def space_from_json(data: Mapping[str, Any]) -> Space:
    """The space that `space_to_json` wrote."""
    distributions = {key: json_to_distribution(json.dumps(d)) for key, d in data["distributions"].items()}
    return Space(distributions, tuple(data["fixed"]), dict(data["pinned"]), dict(data.get("names", {})))


def _hint(line: str) -> str:
    if "choice(" in line and "null" in line:
        return " (Hydra's choice() takes no null: write the choices with commas instead, a,b,null)"
    return ""
