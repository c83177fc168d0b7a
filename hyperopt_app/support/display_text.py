# SPDX-License-Identifier: MIT
"""Format numbers, values and durations for people, and suggest names close to a misspelt one."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "counted",
    "did_you_mean",
    "duration_text",
    "excess_text",
    "in_one_line",
    "share_text",
    "shortened",
    "value_text",
    "visible",
]

# What a terminal obeys instead of showing it: control characters but tab and line feed, marks that turn the direction
# of writing, and the other ends of lines.
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

# Of a text of the user's in a message, in characters.
_LONGEST = 80

_MINUTE_S = 60
_HOUR_S = 60 * _MINUTE_S
_DAY_S = 24 * _HOUR_S


def value_text(value: Any) -> str:
    """Format a parameter or metric briefly: floats with four digits, booleans and null as in Hydra."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}"
    return visible(str(value))


def excess_text(violations: Mapping[str, float]) -> str:
    """Say which constraints are violated and by how much, e.g. `latency_ms <= 100 by 20.5`; empty if none is.

    Args:
        violations: A constraint's text to its value, which is above 0 where it is violated.
    """
    return ", ".join(f"{visible(text)} by {value_text(float(v))}" for text, v in violations.items() if v > 0)


def visible(text: str) -> str:
    """Escape the characters of a trial's text (an error, a name) that would control a terminal."""
    return _OBEYED.sub(lambda match: ascii(match[0])[1:-1], text)


def in_one_line(text: str) -> str:
    """Format a stranger's text for a line of ours: without control characters, ends of lines and tabs."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def shortened(text: str) -> str:
    """Format a user's text for a message: one line, without control characters, of limited length."""
    line = in_one_line(text)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def duration_text(seconds: float) -> str:
    """Whole seconds in at most two units: `42 s`, `3 min 05 s`, `2 h 07 min`, `1 d 04 h`."""
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02d} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S:02d} h"


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """The nearest names; a key that ends in the same word is near however long its path is."""
    last = name.rsplit(".", 1)[-1]
    same_end = [candidate for candidate in known if candidate.rsplit(".", 1)[-1] == last]
    did_you_mean = list(dict.fromkeys([*same_end, *difflib.get_close_matches(name, known, n=3, cutoff=0.5)]))[:3]
    return f" (did you mean {' or '.join(did_you_mean)}?)" if did_you_mean else ""


def share_text(share: float) -> str:
    """Format a share from 0 to 1 as `34 %`; what would be rounded to 0 or 100 without being so has a sign."""
    percent = round(100 * share)
    if percent == 0 and share > 0:
        return "< 1 %"
    return "> 99 %" if percent == 100 and share < 1 else f"{percent} %"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Format a number with its noun: `1 trial`, `2 trials`.

    Args:
        number: How many.
        singular: The noun of one.
        plural: That of any other number, where it is not `one` with an s.
    """
    return f"{number} {singular if number == 1 else plural or f'{singular}s'}"
