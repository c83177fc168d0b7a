# SPDX-License-Identifier: MIT
"""Collect what reading a pair reveals: errors, which stop the command, and notes, which are logged once."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["Findings", "missing", "nearest", "shown"]

_LONGEST = 60
# From 0 to 1, how alike a misspelling is.
_NEAR = 0.75


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

    def unknown_keys(self, section: str, keys: Iterable[Any], known: Iterable[str]) -> None:
        """Note the keys of a section that mean nothing but look like one that does; others were always ignored."""
        words = list(known)
        for key in keys:
            near = [] if key in words else difflib.get_close_matches(str(key).lower(), words, n=1, cutoff=_NEAR)
            if near:
                self.note(f"{section}{key} means nothing and is ignored; did you mean {section}{near[0]}?")

    def misspelt_blocks(self, file: Mapping[Any, Any], blocks: Iterable[str]) -> None:
        """Add an error for a block whose name looks like that of a batch system: without it nothing would be submitted.

        A block beside the one with the right name is not meant to count, and is only noted elsewhere.
        """
        names = list(blocks)
        for key, value in file.items():
            near = difflib.get_close_matches(str(key).lower(), names, n=1, cutoff=_NEAR)
            if near and key not in names and near[0] not in file and isinstance(value, Mapping):
                self.fault(str(key), f"it is not known, and the workers would run on this machine; write {near[0]}")


def missing(key: str, keys: Iterable[Any]) -> str:
    """Return `it is missing`, with the existing key that looks like a misspelling of it."""
    near = difflib.get_close_matches(key, [str(name) for name in keys], n=1, cutoff=_NEAR)
    return f"it is missing (is {near[0]} meant for it?)" if near else "it is missing"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean x?)`, or an empty text."""
    words = list(dict.fromkeys(known))
    lower = {word.lower(): word for word in words}
    near = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.5)
    near = near or [word for word in lower if name and word.startswith(name.lower())][:1]
    return f" (did you mean {lower[near[0]]}?)" if near else ""


def shown(value: Any) -> str:
    """Format a value of a YAML file for a message, on one line and shortened."""
    if isinstance(value, Mapping):
        return "a mapping"
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
