# SPDX-License-Identifier: MIT
"""Represent a study of another tool: its storage, its directions, and its trials in memory.

A study in memory is used only for operations of Optuna that need a whole study.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.support.passwords import mask_password

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial

__all__ = [
    "IMPORTED",
    "JOURNAL",
    "SERVER",
    "SQLITE",
    "OldStudy",
    "Place",
    "direction_faults",
    "directions_of",
    "study_in_memory",
]

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
        """Return the storage of the same kind in another file."""
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
        """Describe the study in one line."""
        counts = ", ".join(f"{count} {state}" for state, count in self.states.items() if count)
        where = self.place.path or mask_password(self.storage)
        return f"study {self.name!r} in {where}, made by {self.tool}: {counts or 'no trials'}"


_OLD_MULTI_OBJECTIVE = "multi_objective:study:directions"


def direction_faults(
    wanted: Sequence[str], stored: Sequence["StudyDirection"], *, study_name: str, where: str = ""
) -> list[str]:
    """Say why a file's directions cannot be those of its study; empty if they are the same.

    Args:
        wanted: What the file says: minimize or maximize, as many as metrics; empty if nothing is wanted.
        stored: What the study has.
        study_name: The study's name.
        where: The file, as the user named it; empty if the caller names it.
    """
    has = [direction.name.lower() for direction in stored]
    if not wanted or list(wanted) == has:
        return []
    key = f"{where}: optuna.direction" if where else "optuna.direction"
    came = f"{key}: {', '.join(wanted)} came, but the study {study_name!r} has {', '.join(has)}"
    more = "" if len(wanted) == len(has) else f", and as many metrics ({len(has)})"
    return [f"{came}; write what the study has{more}, or name another study in study_name"]


def directions_of(study: "optuna.Study", storage: "BaseStorage") -> tuple[list["StudyDirection"], bool]:
    """Return the directions, and whether values are stored as intermediate values, as in `optuna.multi_objective`."""
    from optuna.study import StudyDirection

    attributes = storage.get_study_system_attrs(storage.get_study_id_from_name(study.study_name))
    old = attributes.get(_OLD_MULTI_OBJECTIVE)
    if old is None:
        return study.directions, False
    return [StudyDirection[str(direction).upper()] for direction in old], True


def study_in_memory(
    trials: "Iterable[FrozenTrial]", directions: "Sequence[StudyDirection]", name: str | None = None
) -> "optuna.Study":
    """Create a study in memory, without Optuna's log line about each new study."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(directions=directions, study_name=name)
    finally:
        optuna.logging.set_verbosity(before)
    study.add_trials(trials)
    return study
