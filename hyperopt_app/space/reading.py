# SPDX-License-Identifier: MIT
"""Read the entries of a search space: those of the file, of its conditions and of the command line."""

import dataclasses
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hyperopt_app.errors import SpaceError
from hyperopt_app.space.conditions import Branch, Condition, read_when, resolved
from hyperopt_app.space.override_text import distribution_of, first_line

__all__ = ["Entries", "read_entries"]


@dataclass(frozen=True)
class Entries:
    """What was read; the first five are as in `space.Space`.

    Attributes:
        distributions: Override key to distribution.
        fixed: Override texts that every trial gets.
        pinned: The fixed `key=value` among them.
        conditions: Override key to its conditions.
        places: Override key to the setting in which its range stands.
        faults: One line for each error.
        without: Keys, without a plus, that could not be read or whose conditions never hold.
    """

    distributions: Mapping[str, BaseDistribution]
    fixed: tuple[str, ...]
    pinned: Mapping[str, str]
    conditions: Mapping[str, tuple[Condition, ...]]
    places: Mapping[str, str]
    faults: tuple[str, ...]
    without: frozenset[str]


def read_entries(
    params: Mapping[str, Any], when: Mapping[str, Any], arguments: Sequence[str], config_loader: Any
) -> Entries:
    """Read all entries; the arguments are those of `space.parse_space`."""
    branches, faults = read_when(when)
    lines = _Lines(config_loader)
    for key, text in params.items():
        lines.read(f"hydra.sweeper.params.{key}", f"{key}={text}")
    for branch in branches:
        lines.read(branch.place, f"{branch.key}={branch.text}", branch)
    for line in arguments:
        lines.read("command line", line, is_typed=True)
    return lines.entries(faults)


class _Lines:
    """The entries of a space, read line by line."""

    def __init__(self, config_loader: Any) -> None:
        self._loader = config_loader
        self._parser = OverridesParser.create(config_loader=config_loader)
        self._entries: dict[str, tuple[str, BaseDistribution | str, str]] = {}
        self._branches: dict[str, Branch] = {}
        self._declared: dict[str, BaseDistribution] = {}  # by a file, where the command line says something else
        self._faults = list[str]()
        self._unread = set[str]()

    def read(self, where: str, line: str, branch: Branch | None = None, *, is_typed: bool = False) -> None:
        """Read one entry."""
        try:
            override = dataclasses.replace(self._parser.parse_override(line), config_loader=self._loader)
            value = distribution_of(override)
        except (HydraException, SpaceError) as error:
            self._faults.append(f"{where}: {line!r}: {first_line(error)}{_hint(line)}")
            self._unread.add(line.partition("=")[0].lstrip("+"))
            return
        bare = override.key_or_group + (f"@{override.package}" if override.package else "")
        key = f"~{bare}" if override.is_delete() else override.get_key_element()
        before = self._entries.get(bare)
        if branch is not None:
            if before is not None:
                self._faults.append(f"{where}: {_twice(bare, self._branches.get(bare))}")
                return
            self._branches[bare] = branch
        elif is_typed and before is not None and isinstance(before[1], BaseDistribution):
            self._declared.setdefault(bare, before[1])
        if bare in self._branches and isinstance(value, str) and not override.is_delete():
            value = _of_one_value(value, override.value(), self._declared.get(bare))
        self._entries[bare] = (key, value, line)

    def entries(self, faults: Sequence[str]) -> Entries:
        """Return what was read, with its conditions.

        Args:
            faults: Of what was read before.
        """
        distributions, fixed, pinned = dict[str, BaseDistribution](), list[str](), dict[str, str]()
        for key, value, line in self._entries.values():
            if isinstance(value, BaseDistribution):
                distributions[key] = value
                continue
            fixed.append(line)
            if not key.startswith("~"):
                pinned[key] = value
        keys = {self._entries[bare][0]: branch for bare, branch in self._branches.items()}
        needs = {key: branch.needs for key, branch in keys.items() if key in distributions}
        known = resolved(needs, distributions, pinned, self._declared)
        return Entries(
            _parents_first(distributions, known.conditions, known.never),
            tuple(fixed),
            pinned,
            known.conditions,
            {key: branch.place for key, branch in keys.items()},
            (*faults, *self._faults, *known.faults),
            frozenset({*self._unread, *(key.lstrip("+") for key in known.never)}),
        )


def _of_one_value(text: str, element: Any, declared: BaseDistribution | None) -> BaseDistribution:
    """Return the distribution of a key that has a fixed value where its conditions hold, in the study's kind if any."""
    is_whole = isinstance(element, int) and not isinstance(element, bool)
    if isinstance(declared, IntDistribution) and is_whole:
        return IntDistribution(element, element, log=declared.log)
    if isinstance(declared, FloatDistribution) and (is_whole or isinstance(element, float)):
        return FloatDistribution(float(element), float(element), log=declared.log)
    return CategoricalDistribution((element if isinstance(element, (bool, int, float)) else text,))


def _twice(key: str, branch: Branch | None) -> str:
    if branch is None:
        return f"{key} is among the params too, where every trial has it; write it in one of the two places"
    return (
        f"{key} has a range at {branch.place} already; name all values under which it is searched in one condition, "
        "KEY=VALUE,VALUE"
    )


def _parents_first(
    distributions: Mapping[str, BaseDistribution],
    conditions: Mapping[str, tuple[Condition, ...]],
    never: Container[str],
) -> dict[str, BaseDistribution]:
    """Return the distributions with each key behind those on which it depends, else in their order."""
    # A key has all conditions of the keys on which it depends, and one more for each of these.
    depths = {key: len(conditions.get(key, ())) for key in distributions if key not in never}
    return {key: distributions[key] for key in sorted(depths, key=lambda key: depths[key])}


def _hint(line: str) -> str:
    if "choice(" in line and "null" in line:
        return " (Hydra's choice() takes no null: write the choices with commas instead, a,b,null)"
    return ""
