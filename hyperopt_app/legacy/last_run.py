# SPDX-License-Identifier: MIT
"""What the model config of a study's last run held, against that of this one; pure."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

__all__ = ["changed_values"]

_NOT_OF_THE_MODEL = ("defaults", "objective", "optuna", "placed", "hydra")
_MOST_SHOWN = 5
_MOST_CHARACTERS = 40
_NOTHING = object()


def changed_values(before: str, after: str) -> str:
    """The values of the model config that differ, at most five of them; empty if none do.

    Args:
        before: The text of the last run's config.yaml.
        after: The text of this run's.
    """
    try:
        old, new = (_model(yaml.safe_load(text)) for text in (before, after))
    except (yaml.YAMLError, ValueError):  # somebody has edited it
        return ""
    changes = [
        f"{key} {_shown(was)} -> {_shown(is_now)}"
        for key in dict.fromkeys([*old, *new])
        if (was := old.get(key, _NOTHING)) != (is_now := new.get(key, _NOTHING)) or type(was) is not type(is_now)
    ]
    more = len(changes) - _MOST_SHOWN
    return ", ".join(changes[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _model(config: Any) -> dict[str, Any]:
    """Dotted key to value; without what is searched, whose own value there means nothing."""
    if not isinstance(config, Mapping):
        raise ValueError("no config")  # noqa: TRY004 - as any other text that is none
    sweeper = (config.get("hydra") or {}).get("sweeper") or {}
    searched = {str(key).lstrip("+") for key in sweeper.get("params") or {}}
    model = {key: value for key, value in config.items() if key not in _NOT_OF_THE_MODEL}
    return {key: value for key, value in _dotted(model) if key not in searched}


def _dotted(node: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(value: Any) -> str:
    if value is _NOTHING:
        return "(not there)"
    text = "null" if value is None else str(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."
