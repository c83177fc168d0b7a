# SPDX-License-Identifier: MIT
"""What has changed in the app's own config since the last command of a study; changes nothing.

The search itself (ranges, fixed overrides) is the study's identity, and a change of it is refused. A value that was
edited in a YAML file may be harmless (a path) or may make old and new trials incomparable (the number of epochs), which
only the user knows: so it is told.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig

from hyperopt_app.support.files import read_file
from hyperopt_app.support.shown_config import shown_config

__all__ = ["config_changes"]

_MOST_SHOWN = 5
_LONGEST = 60
_ABSENT = object()


def config_changes(path: Path, config: DictConfig, searched: Collection[str]) -> list[str]:
    """Lines such as `epochs: 8 -> 3`, of the first few keys that differ; empty if none does, or nobody can tell.

    Args:
        path: The `multirun.yaml` of the last command.
        config: The composed config of this one.
        searched: Dotted keys whose values in the files do not count.
    """
    try:
        before = yaml.safe_load(read_file(path))
        now = yaml.safe_load(shown_config(config))
    except (OSError, ValueError, yaml.YAMLError):
        return []
    if not isinstance(before, dict) or not isinstance(now, dict):
        return []
    old, new = dict(_values(before)), dict(_values(now))
    keys = [key for key in {**old, **new} if key not in searched and old.get(key, _ABSENT) != new.get(key, _ABSENT)]
    lines = [f"{key}: {_told(old, key)} -> {_told(new, key)}" for key in keys[:_MOST_SHOWN]]
    more = len(keys) - len(lines)
    return [*lines, f"and {more} more"] if more > 0 else lines


def _values(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Dotted key and value of each leaf beside Hydra's own; a list is a leaf."""
    for key, value in config.items():
        if key != "hydra":
            yield from _leaves(str(key), value)


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(f"{key}.{name}", inner)
    else:
        yield key, value


def _told(values: Mapping[str, Any], key: str) -> str:
    if key not in values:
        return "not there"
    text = " ".join(str("null" if values[key] is None else values[key]).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
