# SPDX-License-Identifier: MIT
"""Show a config to people: as YAML text without the passwords of URLs, or as its differences from another config."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from hyperopt_app.support.passwords import masked, may_hold_password

__all__ = ["shown_config", "value_changes"]

_MOST_SHOWN = 5
_LONGEST = 60
_ABSENT = object()


def shown_config(config: DictConfig | ListConfig) -> str:
    """Return the text of `OmegaConf.to_yaml` with `***` for each password; interpolations stay unresolved.

    The values are masked before they become text, because YAML folds a long one at a blank and doubles its quotes.
    """
    text = OmegaConf.to_yaml(config)
    if not may_hold_password(text):  # the usual case, for each trial's files
        return text
    plain = OmegaConf.to_container(config, resolve=False, enum_to_str=True)
    hidden = masked(plain)
    return text if hidden == plain else OmegaConf.to_yaml(OmegaConf.create(hidden))


def value_changes(
    before: Mapping[Any, Any],
    after: Mapping[Any, Any],
    searched: Collection[str],
    *,
    left_out: Collection[str] = ("hydra",),
    with_types: bool = False,
    most: int = _MOST_SHOWN,
) -> list[str]:
    """List the first few changed keys as lines such as `epochs: 8 -> 3`, and how many more there are.

    Args:
        before: A config as plain data.
        after: Another.
        searched: Dotted keys whose values do not count.
        left_out: Keys at the root that do not count, with all below them.
        with_types: Whether 200 and '200', or 1 and 1.0, differ.
        most: How many are listed.
    """
    old, new = (dict(_values(config, left_out)) for config in (before, after))

    def differs(key: str) -> bool:
        was, is_now = old.get(key, _ABSENT), new.get(key, _ABSENT)
        return was != is_now or (with_types and type(was) is not type(is_now))

    keys = [key for key in {**old, **new} if key not in searched and differs(key)]
    lines = [f"{key}: {_shown_value(old, key)} -> {_shown_value(new, key)}" for key in keys[:most]]
    more = len(keys) - len(lines)
    return [*lines, f"and {more} more"] if more > 0 else lines


def _values(config: Mapping[Any, Any], left_out: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Yield the dotted key and value of each leaf; a list is a leaf."""
    for key, value in config.items():
        if key not in left_out:
            yield from _leaves(str(key), value)


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(f"{key}.{name}", inner)
    else:
        yield key, value


def _shown_value(values: Mapping[str, Any], key: str) -> str:
    if key not in values:
        return "not there"
    text = " ".join(str("null" if values[key] is None else values[key]).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
