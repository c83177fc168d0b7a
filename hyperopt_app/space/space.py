# SPDX-License-Identifier: MIT
"""Define the search space (searched and fixed keys), parse it, and let Optuna suggest its parameters."""

import dataclasses
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
)

from hyperopt_app.errors import SpaceError
from hyperopt_app.space.conditions import Condition
from hyperopt_app.space.override_text import value_of_choice
from hyperopt_app.space.reading import read_entries
from hyperopt_app.support.list_choices import lists_allowed

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = [
    "Space",
    "categorical",
    "compatible",
    "describe",
    "first_point",
    "first_value",
    "index_of",
    "parse_space",
    "suggest",
    "suggest_all",
    "values_of",
    "with_values",
]


@dataclass(frozen=True)
class Space:
    """The search space: what is searched and what is fixed.

    Attributes:
        distributions: Override key (with a leading `+` or `++` and a package, if written so) to distribution.
        fixed: Override texts that every trial gets, in the order in which they were written.
        pinned: The fixed `key=value` among them, key to value text.
        names: Override key to its name in the study, where that is another; keys with one name share one value.
        stored: Override key of choices to what the study holds for each of them, where that is not the override text.
        conditions: Override key to all that must hold where it is searched; keys without conditions always are. Keys
            come after those on which they depend.
        constraints: What must hold of a trial's parameters and metrics, as texts (`constraints.Constraint`).
        places: Override key to the setting in which its range stands, where that is not `hydra.sweeper.params`.
    """

    distributions: Mapping[str, BaseDistribution]
    fixed: tuple[str, ...] = ()
    pinned: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    conditions: Mapping[str, tuple[Condition, ...]] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def parameters(self) -> dict[str, BaseDistribution]:
        """Map the names in the study to the distributions there; of keys that share a name the first counts."""
        distributions: dict[str, BaseDistribution] = {}
        for key, distribution in self.distributions.items():
            name = self.names.get(key, key)
            if name not in distributions:
                distributions[name] = categorical(self.stored[key]) if key in self.stored else distribution
        return distributions

    @property
    def plain(self) -> frozenset[str]:
        """Return the names of parameters whose choices the study stores as values."""
        return frozenset(self.names.get(key, key) for key in self.stored)

    @property
    def as_texts(self) -> "Space":
        """Return the space for a study that stores choices as override text."""
        return dataclasses.replace(self, stored={})

    def held(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Convert a point whose choices are override text to the study's form."""
        values_by_name = dict(point)
        for key, values in self.stored.items():
            name, choices = self.names.get(key, key), self.distributions[key].choices  # type: ignore[attr-defined]
            index = index_of(choices, point[name]) if name in point else None
            if index is not None:
                values_by_name[name] = values[index]
        return values_by_name

    def values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Map override keys to values of a trial's parameters.

        Parameters that the trial lacks are left out, and keys that are not searched beside the others.
        """
        named = {key: self.names.get(key, key) for key in self.distributions}
        texts = {key: self.text(key, params[name]) for key, name in named.items() if name in params}
        return {key: text for key, text in texts.items() if self.is_active(key, texts)}

    def is_active(self, key: str, values: Mapping[str, Any]) -> bool:
        """Whether a key is searched beside these values, by override key; a choice is override text."""
        conditions = self.conditions.get(key, ())
        return all(condition.key in values and condition.is_met(values[condition.key]) for condition in conditions)

    def unmet(self, key: str, point: Mapping[str, Any], *, is_part: bool = False) -> list[Condition]:
        """Return the conditions of a key that a point does not meet.

        Args:
            key: The override key.
            point: Name in the study to value; a choice is override text.
            is_part: Whether a condition on what the point lacks counts as met.
        """
        unmet = list[Condition]()
        for condition in self.conditions.get(key, ()):
            other = self.names.get(condition.key, condition.key)
            if not (condition.is_met(point[other]) if other in point else is_part):
                unmet.append(condition)
        return unmet

    @property
    def tree(self) -> dict[str, list[dict[str, list[Any]]]]:
        """Map each parameter that not every trial has to the cases in which it is there: other parameter to values.

        Names and values are those of the study; in each case all of the others must have one of their values.
        """
        always = {self.names.get(key, key) for key in self.distributions if key not in self.conditions}
        tree: dict[str, list[dict[str, list[Any]]]] = {}
        for key, conditions in self.conditions.items():
            name = self.names.get(key, key)
            if name not in always:
                case = {self.names.get(needed.key, needed.key): self._held_choices(needed) for needed in conditions}
                tree.setdefault(name, []).append(case)
        return tree

    def _held_choices(self, condition: Condition) -> list[Any]:
        stored, distribution = self.stored.get(condition.key), self.distributions[condition.key]
        if stored is None:
            return list(condition.choices)
        indices = [index_of(distribution.choices, choice) for choice in condition.choices]  # type: ignore[attr-defined]
        return [stored[index] for index in indices if index is not None]

    def place(self, key: str) -> str:
        """Return the setting in which a key's range stands, for messages."""
        return self.places.get(key, f"hydra.sweeper.params.{key}")

    def text(self, key: str, value: Any) -> Any:
        """Return what a key is set to, from what the study holds: of a choice its override text."""
        index = index_of(self.stored[key], value) if key in self.stored else None
        return value if index is None else self.distributions[key].choices[index]  # type: ignore[attr-defined]


def parse_space(
    params: Mapping[str, Any],
    arguments: Sequence[str],
    config_loader: Any = None,
    names: Mapping[str, Any] | None = None,
    when: Mapping[str, Any] | None = None,
) -> tuple[Space, list[str]]:
    """Read the sweeper's params and the command line's overrides; a later entry replaces an earlier of its key.

    What the command line says of a key that stands under a condition takes the place of its range there.

    Args:
        params: Override key to sweep text, `hydra.sweeper.params`.
        arguments: The overrides of the command line.
        config_loader: Hydra's loader, needed only to expand `glob(...)` over a config group.
        names: Override key to its name in the study, `hydra.sweeper.names`.
        when: Condition to what is searched under it, `hydra.sweeper.when`.

    Returns:
        The space, and one line per fault; the space is usable only without any.
    """
    reading = read_entries(params, when or {}, arguments, config_loader)
    space = Space(
        reading.distributions,
        reading.fixed,
        reading.pinned,
        conditions=reading.conditions,
        places=reading.places,
    )
    known, name_faults = _names(space, names or {}, reading.without)
    return dataclasses.replace(space, names=known), [*reading.faults, *name_faults]


def _names(space: Space, wanted: Mapping[str, Any], unread: Container[str]) -> tuple[dict[str, str], list[str]]:
    """Return the names by the space's own keys, and the errors: unknown keys, and names that cannot be shared."""
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
        if not compatible(space.distributions[other], distribution):
            faults.append(
                f"hydra.sweeper.names.{key}: {name!r} is the name of {other} too, and one value cannot be "
                f"{describe(space.distributions[other])} and {describe(distribution)}; give it another name"
            )
    return names, faults


def with_values(space: Space) -> Space:
    """Return the space for a study that stores the values of choices, as plain Optuna does."""
    stored = {}
    for key, distribution in space.distributions.items():
        if isinstance(distribution, CategoricalDistribution):
            values = tuple(map(value_of_choice, distribution.choices))
            if values != distribution.choices:
                stored[key] = values
    return dataclasses.replace(space, stored=stored)


def categorical(choices: Sequence[Any]) -> CategoricalDistribution:
    """Return the distribution of choices of any type that JSON supports."""
    with lists_allowed():
        return CategoricalDistribution(choices)


def index_of(choices: Sequence[Any], value: Any) -> int | None:
    """Return the index of a value among choices, None if absent; True is not 1 if both are choices."""
    same = (
        index for index, choice in enumerate(choices) if type(choice) is type(value) and repr(choice) == repr(value)
    )
    equal = (index for index, choice in enumerate(choices) if choice == value)
    return next(same, next(equal, None))


def suggest_all(trial: "optuna.Trial", space: Space) -> None:
    """Let Optuna suggest every parameter of the space that is searched beside those before it. Runs in a worker."""
    parameters = space.parameters
    suggested, texts = dict[str, Any](), dict[str, Any]()
    for key in space.distributions:
        name = space.names.get(key, key)
        if space.is_active(key, texts):
            if name not in suggested:
                suggested[name] = suggest(trial, name, parameters[name])
            texts[key] = space.text(key, suggested[name])


def values_of(trial: "optuna.Trial | FrozenTrial") -> dict[str, Any]:
    """Return a trial's parameters by name, as stored.

    A sampler of somebody's own may give numbers of NumPy's types, which are stored as plain ones.
    """
    kinds = trial.distributions
    return {
        name: kinds[name].to_external_repr(kinds[name].to_internal_repr(value)) for name, value in trial.params.items()
    }


def suggest(trial: "optuna.Trial", name: str, distribution: BaseDistribution) -> Any:
    """Let Optuna suggest `name` from `distribution`, by its public calls. Runs in a worker."""
    if isinstance(distribution, FloatDistribution):
        low, high = distribution.low, distribution.high
        return trial.suggest_float(name, low, high, step=distribution.step, log=distribution.log)
    if isinstance(distribution, IntDistribution):
        low, high = distribution.low, distribution.high
        return trial.suggest_int(name, low, high, step=distribution.step, log=distribution.log)
    if isinstance(distribution, CategoricalDistribution):
        with lists_allowed():
            return trial.suggest_categorical(name, distribution.choices)
    raise SpaceError(f"{name}: {distribution!r} is not a distribution that can be searched")


def describe(distribution: BaseDistribution) -> str:
    """Format the distribution as a user would write it."""
    if isinstance(distribution, CategoricalDistribution):
        return f"choice({', '.join('null' if c is None else str(c) for c in distribution.choices)})"
    low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
    step, log = distribution.step, distribution.log  # type: ignore[attr-defined]
    text = f"[{low:g}, {high:g}]"
    kind = "int" if isinstance(distribution, IntDistribution) else "float"
    extra = [kind] + (["log"] if log else []) + ([f"step {step:g}"] if step not in (None, 1) else [])
    return f"{text} ({', '.join(extra)})"


def compatible(before: BaseDistribution | None, after: BaseDistribution | None) -> bool:
    """Whether a study can hold values of both for one parameter; True if one is missing."""
    if before is None or after is None:
        return True
    try:
        check_distribution_compatibility(before, after)
    except ValueError:
        return False
    return True


def first_value(distribution: BaseDistribution) -> Any:
    """Some value of the distribution."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    return distribution.low  # type: ignore[attr-defined]


def first_point(space: Space) -> dict[str, Any]:
    """Return some point of the space, by override key: of each key that is searched beside the others some value."""
    point = dict[str, Any]()
    for key, distribution in space.distributions.items():
        if space.is_active(key, point):
            point[key] = first_value(distribution)
    return point
