# SPDX-License-Identifier: MIT
"""What a trial leaves in the study of the results of its objective, for the tables: plain, and not too long."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hyperopt_app.legacy.objectives.plain_values import number_of, plain

__all__ = ["kept"]

_log = logging.getLogger(__name__)

# Characters. A database's text field holds 65,535 bytes.
_LONGEST = 60_000
_FILE = "results.json"
_ELSEWHERE = f"in {_FILE}"


def kept(results: Mapping[str, Any], metrics: Sequence[str], directory: Path | None) -> dict[str, Any]:
    """The results as the study keeps them; all of them are in a file of the trial's if they are too long.

    Args:
        results: What `train` returned, by name.
        metrics: The names of what is optimised; these are kept in any case, as numbers.
        directory: The trial's; None outside a sweep.

    Raises:
        OSError: The file cannot be written.
    """
    found = {name: plain(value) for name, value in results.items()}
    # A metric may have come as an array of one.
    found |= {name: number_of(results[name]) for name in metrics if not isinstance(found[name], (int, float))}
    text = json.dumps(found)
    if directory is None or len(text) <= _LONGEST:
        return found
    path = directory / _FILE
    path.write_text(text, encoding="utf-8")
    _log.warning("the results are too long for the study's storage; all of them are in %s", path)
    return _shortened(found, metrics)


def _shortened(results: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    """The longest values give way to a word, and then the last ones go, until the rest is short enough."""
    short = dict(results)
    sizes = {name: len(json.dumps({name: value})) for name, value in short.items()}
    too_long = sum(sizes.values()) - _LONGEST
    for name in sorted((name for name in sizes if name not in metrics), key=lambda name: -sizes[name]):
        saved = sizes[name] - len(json.dumps({name: _ELSEWHERE}))
        if too_long <= 0 or saved <= 0:
            break
        short[name] = _ELSEWHERE
        sizes[name] -= saved
        too_long -= saved
    for name in reversed(list(results)):
        if too_long <= 0:
            break
        if name not in metrics:
            del short[name]
            too_long -= sizes[name]
    return short
