# SPDX-License-Identifier: MIT
"""Check a search space against the config that it searches."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from hyperopt_app.preflight.branches import Options, combinations, is_possible
from hyperopt_app.preflight.circles import circles
from hyperopt_app.preflight.values import value_faults
from hyperopt_app.space.override_text import override_text, parsed_override, value_of_choice
from hyperopt_app.space.space import Space, first_value, index_of
from hyperopt_app.support.display_text import did_you_mean

__all__ = ["check_search", "check_space"]

# Optuna keeps the whole numbers of a range as floats, which tell no two of them apart beyond this one.
LARGEST_EXACT = 2**53

# Values that are set: of a parameter with the first combination, and of all parameters with all combinations.
_MOST_VALUES = 1_000
_MOST_VALUES_OF_ALL = 10_000

# Hydra says some of it, e.g. that a config group takes no null or no list of numbers, with Python's own errors.
_NOT_COMPOSED = (HydraException, OmegaConfBaseException, ValueError, TypeError)

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")

Compose = Callable[[Sequence[str]], DictConfig]


def check_space(space: Space, compose: Compose, options_of: Callable[[str], Sequence[str]]) -> list[str]:
    """Check the space against the config: unknown keys (with the nearest names), groups, options, values.

    And what no study could keep, whatever the config. Every choice of every parameter is tried, within the bounds
    above.

    Args:
        space: A space that could be read.
        compose: The config of a job with these overrides.
        options_of: The options of a config group; empty if the group does not exist.
    """
    faults = [
        fault for key, distribution in space.distributions.items() for fault in _inexact(space.place(key), distribution)
    ]
    groups: dict[str, list[Any]] = {}
    for key, distribution in space.distributions.items():
        if options := options_of(_key_alone(key)):
            known = groups[key] = []
            faults += _unknown_options(space.place(key), distribution, options, known)
    return [*faults, *_Tried(space, compose, groups).faults()]


def check_search(space: Space, n_trials: int, *, others_suggest: bool, plain_choices: bool) -> list[str]:
    """Check a space whatever the config: that something is searched, and that no two choices are equal.

    Args:
        space: A space that could be read.
        n_trials: How many trainings there would be.
        others_suggest: Whether the objective or a function suggests parameters, which no space tells.
        plain_choices: Whether the study is to hold the values of choices.
    """
    faults = [
        fault
        for key, distribution in space.distributions.items()
        if isinstance(distribution, CategoricalDistribution)
        for fault in _same_choices(space.place(key), distribution.choices, plain_choices=plain_choices)
    ]
    is_searched = any(not distribution.single() for distribution in space.distributions.values())
    if n_trials > 1 and not (is_searched or others_suggest or faults):
        faults.append(_nothing(space, n_trials))
    return faults


def _nothing(space: Space, n_trials: int) -> str:
    words = [
        *space.fixed,
        *(override_text(key, first_value(distribution)) for key, distribution in space.distributions.items()),
    ]
    held = f" ({', '.join(words[:3])}{', ...' if len(words) > 3 else ''}: one value each)" if words else ""
    key, text = next(iter(space.pinned.items()), ("learning_rate", ""))
    listed = text.startswith("[") and text.endswith("]") and text[1:-1].strip()
    example = f"choice({text[1:-1]})" if listed else "interval(0.001, 0.1)"
    quote = '"' if "'" in example else "'"
    what = f"params: {{{key.lstrip('+')}: {quote}{example}{quote}}}"
    return (
        f"hydra.sweeper.params: nothing is searched{held}, so the {n_trials} trials would be equal trainings; write "
        f"ranges or choices, e.g. {what}, or leave --multirun out for one training; if the objective suggests "
        "parameters itself (trial.suggest_...), add hydra.sweeper.objective_suggests=true"
    )


def _same_choices(place: str, choices: Sequence[Any], *, plain_choices: bool) -> Iterator[str]:
    """Report each choice that equals an earlier one."""
    seen: dict[tuple[str, str], Any] = {}
    values: list[Any] = []
    for choice in choices:
        value = value_of_choice(choice)
        kind = (type(value).__name__, repr(value))
        if kind in seen:
            yield f"{place}: the choice {choice} is there twice; write each choice once"
        elif plain_choices and (other := index_of(values, value)) is not None:
            yield (
                f"{place}: a study of plain choices cannot tell {choice} from {values[other]}; "
                "leave one of them out, or hydra.sweeper.plain_choices"
            )
        seen[kind] = choice
        values.append(value)


class _Tried:
    """A space that is tried with one combination of group options after another."""

    def __init__(self, space: Space, compose: Compose, groups: Mapping[str, Sequence[Any]]) -> None:
        self._space, self._compose = space, compose
        # Of a group without a good option the config's own is taken.
        self._groups = {key: options for key, options in groups.items() if options}
        self._values = {key: distribution for key, distribution in space.distributions.items() if key not in groups}
        self._keys: dict[str, dict[str, str | None]] = {}  # of the config, by combination
        self._possible: dict[str, dict[str, BaseDistribution]] = {}  # what may be searched beside it
        self._wrong: dict[str, list[str]] = {}  # keys that cannot be set, with the combinations where it is so
        self._faults: dict[str, str] = {}  # by their reason
        self._is_new = True  # whether an option is tried for the first time, and not only among others

    def faults(self) -> list[str]:
        """Return one line for each error, with the first combination that it concerns."""
        first, further = combinations(self._space, self._groups)
        share = _MOST_VALUES_OF_ALL // (len(first + further) * max(1, len(self._values)))
        for number, options in enumerate([*first, *further]):
            self._is_new = number < len(first)
            self._try(options, _MOST_VALUES if number == 0 else max(1, min(share, _MOST_VALUES)))
            if not self._keys and self._fails_without_options():
                break
        return [
            *(self._wrong_key(key, lacking) for key, lacking in self._wrong.items()),
            *self._faults.values(),
        ]

    def _try(self, options: Options, most: int) -> None:
        chosen = [override_text(key, option) for key, option in options.items()]
        choices = " ".join(chosen)
        values = self._possible[choices] = {
            key: distribution
            for key, distribution in self._values.items()
            if is_possible(self._space, key, options, self._groups)
        }
        overrides = [*self._space.fixed, *chosen]
        config = self._composed(overrides, "the config cannot be composed", choices)
        if config is None:
            return
        keys = self._keys[choices] = dict(_dotted(config))
        wrong = [key for key in values if _is_wrong(key, keys) or _is_there(key, config)]
        for key in wrong:
            self._wrong.setdefault(key, []).append(choices)
        first = {key: override_text(key, first_value(values[key])) for key in values if key not in wrong}
        for key, text in first.items():
            if key.startswith("+") or "@" in key:
                added = self._composed([*overrides, text], f"{self._space.place(key)}: it cannot be set", choices)
                if added is not None:
                    config, overrides = added, [*overrides, text]
        taken = {key: values[key] for key in first if not key.startswith("+") or first[key] in overrides}
        circular = self._note_circles({key: value for key, value in taken.items() if "@" not in key}, config, choices)
        followed = {key: distribution for key, distribution in taken.items() if key not in circular}
        value_errors = value_faults(followed, config, most, _where(choices), self._space.place)
        for fault in value_errors:
            self._faults.setdefault(fault.replace(_where(choices), ""), fault)
        if not (value_errors or wrong or self._faults):
            rest = [text for text in first.values() if text not in overrides]
            self._composed([*overrides, *rest], "the config does not take the searched values", choices)

    def _note_circles(self, searched: Mapping[str, BaseDistribution], config: DictConfig, choices: str) -> set[str]:
        """Keep a line for each interpolation among the values that leads back to itself; the keys that take part."""
        fixed = (line.partition("=")[::2] for line in self._space.fixed if "${" in line and not line.startswith("~"))
        pinned = {key: (text,) for key, text in fixed if "@" not in key}
        texts = pinned | {key: _referring(distribution) for key, distribution in searched.items()}
        if not any(texts.values()):
            return set()
        names = {key.lstrip("+"): key for key in texts}
        plain = {
            key: parsed_override(override_text(key, first_value(searched[key]))) for key in texts if not texts[key]
        }
        values = {
            key.lstrip("+"): {text: parsed_override(f"{key}={text}") for text in some}
            for key, some in texts.items()
            if some
        }
        tree = OmegaConf.to_container(config, resolve=False)
        circular = set[str]()
        for circle in circles(tree, {key.lstrip("+"): value for key, value in plain.items()}, values):
            circular.update(names[bare] for bare in circle.choices)
            (key, text), *others = ((names[bare], text) for bare, text in circle.choices.items())
            begin = f"{self._space.place(key)}: the config does not take {text}"
            where = _where(" ".join([*filter(None, [choices]), *(f"{other}={value}" for other, value in others)]))
            reason = f"the interpolation refers to itself ({' -> '.join(circle.keys)}); correct it, or leave it out"
            self._faults.setdefault(f"{begin}: {reason}", f"{begin}{where}: {reason}")
        return circular

    def _fails_without_options(self) -> bool:
        """Whether the first combination cannot be composed for a reason unrelated to the chosen options."""
        try:
            self._compose(self._space.fixed)
        except _NOT_COMPOSED as error:
            return bool(self._groups) and " ".join(str(error).split()) in next(iter(self._faults))
        return False

    def _composed(self, overrides: Sequence[str], what: str, choices: str) -> DictConfig | None:
        try:
            return self._compose(overrides)
        except _NOT_COMPOSED as error:
            reason = " ".join(str(error).split())
            if self._is_new or all(reason not in fault for fault in self._faults):
                self._faults.setdefault(f"{choices}{what}: {reason}", f"{what}{_where(choices)}: {reason}")
            return None

    def _wrong_key(self, key: str, lacking: Sequence[str]) -> str:
        """Describe a key that the config lacks, or has although it is to be added, with some combination of options."""
        tried = [combination for combination in self._keys if key in self._possible[combination]]
        combination, others = lacking[0], [other for other in tried if other not in lacking]
        keys, bare = self._keys[combination], key.lstrip("+")
        begin = f"{self._space.place(key)}: the config has "
        if others:
            has, lacks = (combination, others[0]) if key != bare else (others[0], combination)
            way = _of_one_option(bare, has, lacks, is_conditional=key in self._space.conditions)
            return f"{begin}no key {bare!r}{_where(lacks)}, but has it with {has}; {way}"
        if key != bare:
            has_it = f"{begin}the key {bare!r}{_where(combination)}"
            return f"{has_it}; write {bare} to search it, +{bare} only adds a missing key"
        if (standing := _stands_for(key, keys)) is not None:
            return f"{begin}no key {key!r} of its own: {standing}"
        near = did_you_mean(key, list(keys))
        return f"{begin}no key {key!r}{_where(combination)}{near}; correct the name, or write +{key} to add a new key"


def _referring(distribution: BaseDistribution) -> tuple[str, ...]:
    """Those of its choices that hold an interpolation."""
    choices = distribution.choices if isinstance(distribution, CategoricalDistribution) else ()
    return tuple(choice for choice in choices if isinstance(choice, str) and "${" in choice)


def _is_wrong(key: str, keys: Mapping[str, str | None]) -> bool:
    """Whether a key without a plus is missing, or a key with a plus exists."""
    if "@" in key or key.startswith("++"):
        return False
    return (_dots(key.lstrip("+")) in keys) == key.startswith("+")


def _is_there(key: str, config: DictConfig) -> bool:
    """Whether a key with one plus exists through a node that refers to another one."""
    if not key.startswith("+") or key.startswith("++") or "@" in key:
        return False
    try:
        return OmegaConf.select(config, key[1:]) is not None
    except OmegaConfBaseException:
        return False


def _of_one_option(key: str, has: str, lacks: str, *, is_conditional: bool) -> str:
    if is_conditional:
        return f"name in its condition the values alone with which it is there, or write ++{key} to set it with all"
    option = next((word for word in has.split() if word not in lacks.split()), has)
    return (
        f"write its range for the option that has it, hydra.sweeper.when: {{{option}: {{{key}: ...}}}}, and not among "
        f"the params; or ++{key}, which sets it with every option"
    )


def _stands_for(key: str, keys: Mapping[str, str | None]) -> str | None:
    """Say which key to search instead of a key below a node that only refers to another one."""
    parts = _dots(key).split(".")
    for length in range(len(parts) - 1, 0, -1):
        raw = keys.get(".".join(parts[:length]))
        if raw is None:
            continue
        plain, rest = _REFERENCE.fullmatch(raw), ".".join(parts[length:])
        way = f"search {plain[1]}.{rest}" if plain else "search a key of the node that it refers to"
        return f"{'.'.join(parts[:length])} is only {raw}; {way}"
    return None


def _where(choices: str) -> str:
    return f" (with {choices})" if choices else ""


def _inexact(place: str, distribution: BaseDistribution) -> Iterator[str]:
    if isinstance(distribution, IntDistribution) and max(abs(distribution.low), abs(distribution.high)) > LARGEST_EXACT:
        yield (
            f"{place}: the whole numbers from {distribution.low} to {distribution.high} cannot be "
            f"searched: beyond 2**53 ({LARGEST_EXACT}) the study would keep other numbers than the objective sees; "
            "list them, choice(...), or search floats, interval(low, high)"
        )


def _dots(key: str) -> str:
    """Return a key's path with dots only: `layers[0].width` becomes `layers.0.width`."""
    return key.replace("[", ".").replace("]", "")


def _key_alone(key: str) -> str:
    return key.lstrip("+").split("@", 1)[0]


def _unknown_options(
    place: str, distribution: BaseDistribution, options: Sequence[str], known: list[Any]
) -> Iterator[str]:
    """Report each choice that is not an option; the others are added to `known`."""
    if not isinstance(distribution, CategoricalDistribution):
        yield f"{place}: a config group needs choices, from {', '.join(options)}"
        return
    for choice in distribution.choices:
        name = str(choice).strip("'\"")
        # A list selects several options, and a/b an option of a subgroup: those are tried by composing.
        if name in options or name.startswith("[") or "/" in name:
            known.append(choice)
            continue
        yield (
            f"{place}: the config group has no option {name!r}{did_you_mean(name, options)}; "
            f"it has {', '.join(options)}"
        )


def _dotted(config: Any, prefix: str = "") -> Iterator[tuple[str, str | None]]:
    """Return every dotted key of a config except Hydra's own, with its text if it is an interpolation."""
    if not OmegaConf.is_config(config):
        return
    keys = config.keys() if OmegaConf.is_dict(config) else range(len(config))
    for key in keys:
        if prefix == "" and key == "hydra":
            continue
        name = f"{prefix}{key.name if isinstance(key, Enum) else key}"
        refers = OmegaConf.is_interpolation(config, key)
        yield name, str(config._get_node(key)) if refers else None  # noqa: SLF001 - the text itself, unresolved
        if not refers and not OmegaConf.is_missing(config, key):
            yield from _dotted(config[key], f"{name}.")
