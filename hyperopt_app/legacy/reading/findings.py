# SPDX-License-Identifier: MIT
"""Collect what reading a pair reveals: errors, which stop the command, and notes, which are logged once."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hyperopt_app.support.display_text import shortened

__all__ = ["Findings", "missing", "nearest", "shown"]


@dataclass(frozen=True)
class Findings:
    """Collects faults and notes while a file is read.

    Attributes:
        where: The file, as the user named it.
        faults: One line each.
        notes: One line each.
    """

    where: str
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fault(self, key: str, text: str) -> None:
        """Add an error at `key` (a dotted path; empty for the whole file)."""
        self._add(self.faults, f"{self.where}: {key}: {text}" if key else f"{self.where}: {text}")

    def note(self, text: str) -> None:
        """Add a note for the user; it reads without the file's name."""
        self._add(self.notes, text)

    def of(self, where: str) -> "Findings":
        """Return findings that share these lists, for another file."""
        return replace(self, where=where)

    @staticmethod
    def _add(lines: list[str], line: str) -> None:
        if line not in lines:
            lines.append(line)

    def unknown_keys(self, place: str, keys: Iterable[Any], known: Collection[str], must: Collection[str] = ()) -> None:
        """Note the keys of a section that mean nothing but look like one that does; refuse them for one in `must`."""
        for key in keys:
            near = [] if key in known else difflib.get_close_matches(str(key).lower(), known, n=1, cutoff=0.75)
            if near and near[0] in must:
                self.fault(str(key), f"it is not known, and the workers would run on this machine; write {near[0]}")
            elif near:
                self.note(f"{place}{key} means nothing and is ignored; did you mean {place}{near[0]}?")


def missing(key: str, keys: Iterable[Any]) -> str:
    """Return `it is missing`, with the existing key that looks like a misspelling of it."""
    near = difflib.get_close_matches(key, [str(name) for name in keys], n=1, cutoff=0.75)
    return f"it is missing (is {near[0]} meant for it?)" if near else "it is missing"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean x?)`, or an empty text."""
    lower = {word.lower(): word for word in known}
    near = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.5)
    near = near or [word for word in lower if name and word.startswith(name.lower())][:1]
    return f" (did you mean {lower[near[0]]}?)" if near else ""


def shown(value: Any) -> str:
    """Format a value of a YAML file for a message, on one line and shortened."""
    if isinstance(value, Mapping):
        return "a mapping"
    return shortened(repr(value))
