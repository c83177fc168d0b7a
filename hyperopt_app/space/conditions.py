# SPDX-License-Identifier: MIT
"""Read `hydra.sweeper.when`: ranges that are searched only where other searched keys have certain values.

A condition is an override of Hydra's grammar with one value or several, `optimizer=sgd` or `optimizer=sgd,rmsprop`.
What stands under it is a branch: ranges by key, and perhaps `when` again.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hyperopt_app.errors import SpaceError
from hyperopt_app.space.override_text import distribution_of, element_of, first_line, quoted_text, value_of_choice
from hyperopt_app.space.sweep_text import value_text
from hyperopt_app.support.display_text import did_you_mean

__all__ = ["OUTSIDE", "Branch", "Condition", "Needed", "Resolved", "read_when", "resolved", "spelled"]

# What `spelled` returns for a value that the distribution does not have.
OUTSIDE = object()
_WHEN = "when"
_NO_FLOATS = (
    "a condition wants a key of choices or whole numbers, and {} is searched over floats; list values, choice(...)"
)


@dataclass(frozen=True)
class Condition:
    """Another searched key must have one of these values.

    Attributes:
        key: Its override key.
        choices: The values, as its distribution has them.
    """

    key: str
    choices: tuple[Any, ...]

    def is_met(self, value: Any) -> bool:
        """Whether a value of the key, as its distribution has it, is one of these."""
        return any(value == choice and isinstance(value, bool) is isinstance(choice, bool) for choice in self.choices)

    def __str__(self) -> str:
        """Return the condition as a user would write it."""
        texts = (choice if isinstance(choice, str) else quoted_text(choice) for choice in self.choices)
        return f"{self.key.lstrip('+')}={','.join(texts)}"


@dataclass(frozen=True)
class Needed:
    """A condition as it was written.

    Attributes:
        place: Where it stands, for messages.
        key: The key, without a plus.
        values: The values of the config that it names.
    """

    place: str
    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Branch:
    """One range of a branch.

    Attributes:
        place: Where it stands, for messages.
        key: The override key.
        text: The range.
        needs: All conditions under which it stands, the outer ones first.
    """

    place: str
    key: str
    text: str
    needs: tuple[Needed, ...]


def read_when(when: Mapping[str, Any], place: str = "hydra.sweeper.when") -> tuple[list[Branch], list[str]]:
    """Return the ranges of all branches, and one line for each error."""
    branches, faults = list[Branch](), list[str]()
    _read(when, place, (), branches, faults)
    return branches, faults


def _read(
    when: Mapping[str, Any], place: str, needs: tuple[Needed, ...], branches: list[Branch], faults: list[str]
) -> None:
    for word, branch in when.items():
        where = f"{place}.{word}"
        try:
            inner = (*needs, _needed(where, str(word)))
        except (HydraException, SpaceError) as error:
            faults.append(f"{where}: {first_line(error)}; write a condition as KEY=VALUE or KEY=VALUE,VALUE")
            continue
        if not isinstance(branch, Mapping) or not branch:
            faults.append(
                f"{where}: {branch!r} is not a branch; write the ranges that belong to it, {{key: range, ...}}"
            )
            continue
        for key, text in branch.items():
            if not isinstance(text, Mapping):
                written = text if isinstance(text, str) else value_text(text)
                branches.append(Branch(f"{where}.{key}", str(key), written, inner))
            elif str(key) == _WHEN:
                _read(text, f"{where}.{_WHEN}", inner, branches, faults)
            else:
                way = f"further conditions stand under {_WHEN}" if "=" in str(key) else "write a range or choices"
                faults.append(f"{where}.{key}: a mapping is not a range; {way}")


def _needed(place: str, word: str) -> Needed:
    """Parse a condition.

    Raises:
        SpaceError: It is none.
        HydraException: It cannot be read.
    """
    override = OverridesParser.create().parse_override(word)
    if override.is_delete() or "=" not in word:
        raise SpaceError(f"{word!r} is not a condition")
    named = distribution_of(override)
    if isinstance(named, str):
        return Needed(place, override.key_or_group, (element_of(named),))
    if isinstance(named, CategoricalDistribution):
        return Needed(place, override.key_or_group, tuple(map(value_of_choice, named.choices)))
    if isinstance(named, IntDistribution):
        return Needed(place, override.key_or_group, tuple(range(named.low, named.high + 1, named.step)))
    raise SpaceError(f"{word!r} names a range of floats, and a condition lists values")


def spelled(distribution: BaseDistribution, value: Any) -> Any:
    """Return a value of the config as the distribution has it; OUTSIDE if it does not."""
    if isinstance(distribution, CategoricalDistribution):
        # First as values: the text 'null' is another choice than null.
        for meaning in (value_of_choice, element_of, str):
            for choice in distribution.choices:
                means = meaning(choice) if isinstance(choice, str) else choice
                if type(value) is type(means) and value == means:
                    return choice
        return OUTSIDE
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return OUTSIDE
    # Optuna rounds what lies between two steps and warns of what lies outside; both would start another point
    # than the one that was asked for.
    low, high, step = distribution.low, distribution.high, distribution.step  # type: ignore[attr-defined]
    if not low <= value <= high:
        return OUTSIDE
    if step is not None and abs((value - low) / step - round((value - low) / step)) > 1e-8:
        return OUTSIDE
    return int(value) if isinstance(distribution, IntDistribution) else float(value)


@dataclass(frozen=True)
class Resolved:
    """What the conditions of a space come to.

    Attributes:
        conditions: Override key to all its conditions, those of the keys that they name among them.
        never: Keys whose conditions the command line rules out.
        faults: One line for each error.
    """

    conditions: Mapping[str, tuple[Condition, ...]]
    never: frozenset[str]
    faults: tuple[str, ...]


def resolved(
    needs: Mapping[str, Sequence[Needed]],
    distributions: Mapping[str, BaseDistribution],
    pinned: Mapping[str, str],
    declared: Mapping[str, BaseDistribution],
) -> Resolved:
    """Hold conditions against the space.

    Args:
        needs: Override key to the conditions under which it stands.
        distributions: Override key to distribution, those of `needs` among them.
        pinned: Override key to the text of a fixed value.
        declared: Key without a plus to what the file says of it, where the command line says something else.
    """
    return _Resolving(needs, distributions, pinned, declared).result()


class _Resolving:
    def __init__(
        self,
        needs: Mapping[str, Sequence[Needed]],
        distributions: Mapping[str, BaseDistribution],
        pinned: Mapping[str, str],
        declared: Mapping[str, BaseDistribution],
    ) -> None:
        self._needs, self._distributions, self._declared = needs, distributions, declared
        self._keys = {key.lstrip("+"): key for key in distributions}
        self._pinned = {key.lstrip("+"): text for key, text in pinned.items()}
        self._faults = dict[str, None]()
        self._closed = dict[str, tuple[Condition, ...] | None]()  # None of a key that is never searched

    def result(self) -> Resolved:
        for key in self._needs:
            self._close(key, ())
        conditions = {key: closed for key, closed in self._closed.items() if closed}
        never = frozenset(key for key, closed in self._closed.items() if closed is None)
        return Resolved(conditions, never, tuple(self._faults))

    def _close(self, key: str, path: tuple[str, ...]) -> tuple[Condition, ...] | None:
        """Return all conditions of a key; None if they can never hold."""
        if key in self._closed or key not in self._needs:
            return self._closed.get(key, ())
        closed: dict[str, Condition] | None = {}
        for need in self._needs[key]:
            parent = self._keys.get(need.key)
            if parent is not None and parent in (*path, key):
                circle = [*path, key][[*path, key].index(parent) :]
                names = " -> ".join(part.lstrip("+") for part in (*circle, parent))
                self._fault(f"{need.place}: the condition refers back to itself ({names}); take one of them out")
                continue
            closed = _merged(closed, self._conditions_of(need, parent, (*path, key)))
        self._closed[key] = None if closed is None else tuple(closed.values())
        for condition in self._closed[key] or ():
            if not condition.choices:
                place, other = self._needs[key][-1].place, condition.key.lstrip("+")
                self._fault(f"{place}: no value of {other} meets all conditions of {key.lstrip('+')}; take one out")
        return self._closed[key]

    def _fault(self, line: str) -> None:
        self._faults[line] = None

    def _conditions_of(self, need: Needed, parent: str | None, path: tuple[str, ...]) -> Sequence[Condition] | None:
        if parent is None:
            return self._of_fixed(need)
        choices = tuple(self._choices(need, self._distributions[parent]))
        above = self._close(parent, path)
        if above is None or not choices:
            return None
        return (*above, Condition(parent, choices))

    def _of_fixed(self, need: Needed) -> Sequence[Condition] | None:
        if need.key not in self._pinned:
            near = did_you_mean(need.key, list(self._keys))
            known = ", ".join(self._keys) or "none"
            self._fault(
                f"{need.place}: {need.key!r} is not searched{near}; a condition names a key that is searched or fixed, "
                f"here or in params; the searched keys are {known}"
            )
            return ()
        if need.key in self._declared:
            list(self._choices(need, self._declared[need.key]))
        value = element_of(self._pinned[need.key])
        return () if any(type(value) is type(named) and value == named for named in need.values) else None

    def _choices(self, need: Needed, distribution: BaseDistribution) -> Iterator[Any]:
        """Yield the values that the key can still have; report those that it never had."""
        if isinstance(distribution, FloatDistribution):
            self._fault(f"{need.place}: {_NO_FLOATS.format(need.key)}")
            return
        for value in need.values:
            choice = spelled(distribution, value)
            if choice is not OUTSIDE:
                yield choice
            elif spelled(self._declared.get(need.key, distribution), value) is OUTSIDE:
                names = [str(name) for name in getattr(distribution, "choices", ())]
                near = did_you_mean(str(value), names)
                allowed = f"its choices are {', '.join(names)}" if names else "it lies out of its range"
                self._fault(f"{need.place}: {need.key} is never {value}{near}; {allowed}")


def _merged(known: dict[str, Condition] | None, further: Sequence[Condition] | None) -> dict[str, Condition] | None:
    """Return conditions with further ones; two on one key hold where both do."""
    if known is None or further is None:
        return None
    merged = dict(known)
    for condition in further:
        before = merged.get(condition.key, condition)
        both = tuple(choice for choice in before.choices if condition.is_met(choice))
        merged[condition.key] = dataclasses.replace(condition, choices=both)
    return merged
