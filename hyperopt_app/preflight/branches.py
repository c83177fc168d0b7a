# SPDX-License-Identifier: MIT
"""Choose combinations of config-group options with which a config is composed, so that each branch is there once."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

from hyperopt_app.space.space import Space

__all__ = ["Options", "combinations", "is_possible"]

# Each option of a group is composed once, up to so many; of their combinations, which multiply, so many in all. What
# lies beyond is found when it is tried.
_MOST_OPTIONS = 128
_MOST_COMBINATIONS = 32

# Group to the option that is chosen of it; groups that are not searched beside the others are left out.
Options = Mapping[str, Any]


def is_possible(space: Space, key: str, chosen: Options, groups: Mapping[str, Sequence[Any]]) -> bool:
    """Whether a key may be searched beside these options; conditions on keys that are no groups may hold.

    Args:
        space: The space.
        key: The override key.
        chosen: A combination.
        groups: All searched groups with their options.
    """
    conditions = [condition for condition in space.conditions.get(key, ()) if condition.key in groups]
    return all(condition.key in chosen and condition.is_met(chosen[condition.key]) for condition in conditions)


def combinations(space: Space, groups: Mapping[str, Sequence[Any]]) -> tuple[list[Options], list[Options]]:
    """Return combinations that together have every option and every branch, and further ones.

    Args:
        space: The space.
        groups: The searched groups with their options, parents before those that depend on them.
    """
    wanted = [{}, *islice(_alone(space, groups), _MOST_OPTIONS - 1), *_of_branches(space, groups)]
    first = _distinct(_combination(space, groups, options) for options in wanted)
    products = islice(product(*groups.values()), _MOST_COMBINATIONS)
    every = _distinct(_combination(space, groups, dict(zip(groups, options, strict=True))) for options in products)
    return first, [options for options in every if options not in first]


def _alone(space: Space, groups: Mapping[str, Sequence[Any]]) -> Iterator[Options]:
    for group, options in groups.items():
        above = _above(space, group, groups)
        yield from ({**above, group: option} for option in (options if above else options[1:]))


def _of_branches(space: Space, groups: Mapping[str, Sequence[Any]]) -> Iterator[Options]:
    for key in space.conditions:
        if key not in groups:
            yield _above(space, key, groups)


def _above(space: Space, key: str, groups: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return options with which a key is searched, as far as groups decide it."""
    above = {}
    for condition in space.conditions.get(key, ()):
        known = [option for option in groups.get(condition.key, ()) if condition.is_met(option)]
        if known:
            above[condition.key] = known[0]
    return above


def _combination(space: Space, groups: Mapping[str, Sequence[Any]], wanted: Options) -> Options:
    """Return the wanted options, and the first one of each other group that is searched beside them."""
    chosen = dict[str, Any]()
    for group, options in groups.items():
        if is_possible(space, group, chosen, groups):
            chosen[group] = wanted.get(group, options[0])
    return chosen


def _distinct(every: Iterator[Options]) -> list[Options]:
    return list({tuple(map(repr, options.items())): options for options in every}.values())
