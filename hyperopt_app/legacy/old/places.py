# SPDX-License-Identifier: MIT
"""What is known of a study of another tool, and of the place where it is kept: plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hyperopt_app.support.passwords import mask_password

__all__ = ["IMPORTED", "JOURNAL", "SERVER", "SQLITE", "OldStudy", "Place"]

# User attribute of a study that was taken over: from where, and what.
IMPORTED = "imported"

SQLITE, JOURNAL, SERVER = "sqlite", "journal", "server"


@dataclass(frozen=True)
class Place:
    """A storage by its kind.

    Attributes:
        kind: sqlite, journal or server.
        path: The file; None for a server.
        query: What follows the file's name in the URL, with its question mark.
    """

    kind: str
    path: Path | None
    query: str = ""

    @classmethod
    def of(cls, storage: str) -> "Place":
        """The place of a storage in our form: `sqlite:////abs/x.db`, `journal:/abs/x`, a journal's path, a URL."""
        if storage.startswith("sqlite:///"):
            path, mark, query = storage.removeprefix("sqlite:///").partition("?")
            return cls(SQLITE, Path(path), mark + query)
        if "://" in storage:
            return cls(SERVER, None)
        return cls(JOURNAL, Path(storage.removeprefix("journal:")))

    def beside(self, path: Path) -> str:
        """The storage of the same kind in another file."""
        return f"sqlite:///{path}{self.query}" if self.kind == SQLITE else f"journal:{path}"


@dataclass(frozen=True)
class OldStudy:
    """A study that another tool has begun.

    Attributes:
        storage: Where it is; it may hold a password.
        place: The same by its kind.
        name: Its name.
        states: State of trials (COMPLETE, ...) to their number.
        schema: Revision of the database's tables; `journal` for a journal, empty for a server.
        tool: Who made it, for people.
    """

    storage: str
    place: Place
    name: str
    states: Mapping[str, int] = field(default_factory=dict)
    schema: str = ""
    tool: str = "Optuna"

    def describe(self) -> str:
        """One line for people."""
        told = ", ".join(f"{count} {state}" for state, count in self.states.items() if count)
        where = self.place.path or mask_password(self.storage)
        return f"study {self.name!r} in {where}, made by {self.tool}: {told or 'no trials'}"
