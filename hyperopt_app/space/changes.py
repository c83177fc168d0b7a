# SPDX-License-Identifier: MIT
"""Compare two search spaces, and convert a space to and from the plain data stored in a study."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from optuna.distributions import distribution_to_json, json_to_distribution

from hyperopt_app.space.conditions import Condition
from hyperopt_app.space.space import Space, compatible, describe
from hyperopt_app.support.passwords import mask_password

__all__ = ["differences", "space_from_json", "space_to_json"]


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
        texts = (describe(entry) if entry else "not searched" for entry in (was, is_now))
        line = f"{key}: {' -> '.join(texts)}"
        (soft if compatible(was, is_now) else hard).append(line)
    soft += _differences_of_conditions(old, new)
    soft += [f"the constraint {text} no longer holds" for text in old.constraints if text not in new.constraints]
    soft += [f"the constraint {text} is new" for text in new.constraints if text not in old.constraints]
    soft += _differences_of_fixed(_masked_overrides(old.fixed), _masked_overrides(new.fixed))
    for key in old.distributions.keys() & new.distributions.keys():
        before, after = old.names.get(key, key), new.names.get(key, key)
        if before != after:
            hard.append(f"{key}: named {before} -> named {after}")
    return soft, hard


def _differences_of_conditions(old: Space, new: Space) -> Iterator[str]:
    """Describe changes of the conditions of keys that both spaces have."""
    for key in old.distributions.keys() & new.distributions.keys():
        was, is_now = (space.conditions.get(key, ()) for space in (old, new))
        if set(was) != set(is_now):
            texts = (" and ".join(sorted(map(str, needed))) or "every value" for needed in (was, is_now))
            yield f"{key}: searched with {' -> with '.join(texts)}"


def _masked_overrides(overrides: Sequence[str]) -> list[str]:
    """Return overrides without passwords: many may read a study, and another password is not another search."""
    return [mask_password(line, is_prose=False) for line in overrides]


def _differences_of_fixed(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """Describe changes of the fixed overrides in words, since an arrow between two of them would be unclear."""
    gone = {line.partition("=")[0]: line for line in old if line not in new}
    come = {line.partition("=")[0]: line for line in new if line not in old}
    for key in dict.fromkeys([*gone, *come]):
        if key not in come:
            yield f"{gone[key]} was given when the study began, and is not given now"
        elif key not in gone:
            yield f"{come[key]} is given now, and was not when the study began"
        else:
            yield f"{gone[key]} was given when the study began, now it is {come[key]}"


def space_to_json(space: Space) -> dict[str, Any]:
    """Convert the space to plain data; space_from_json(space_to_json(s)) equals s but for passwords in URLs."""
    stored = {key: list(values) for key, values in space.stored.items()}
    return {
        "distributions": {key: json.loads(distribution_to_json(d)) for key, d in space.distributions.items()},
        "fixed": _masked_overrides(space.fixed),
        "pinned": dict(zip(space.pinned, _masked_overrides([*space.pinned.values()]), strict=True)),
        "names": dict(space.names),
        **({"stored": stored} if stored else {}),
        **({"conditions": _plain_conditions(space)} if space.conditions else {}),
        **({"constraints": list(space.constraints)} if space.constraints else {}),
    }


def _plain_conditions(space: Space) -> dict[str, list[list[Any]]]:
    """Return the conditions of each key, each as a key and its values."""
    return {
        key: [[condition.key, list(condition.choices)] for condition in needed]
        for key, needed in space.conditions.items()
    }


def space_from_json(data: Mapping[str, Any]) -> Space:
    """Read a space that `space_to_json` wrote."""
    distributions = {key: json_to_distribution(json.dumps(d)) for key, d in data["distributions"].items()}
    stored = {key: tuple(values) for key, values in data.get("stored", {}).items()}
    conditions = {
        key: tuple(Condition(other, tuple(choices)) for other, choices in needed)
        for key, needed in data.get("conditions", {}).items()
    }
    names, constraints = dict(data.get("names", {})), tuple(data.get("constraints", ()))
    return Space(distributions, tuple(data["fixed"]), dict(data["pinned"]), names, stored, conditions, constraints)
