# SPDX-License-Identifier: MIT
"""Find a study that another tool has created; its file is never written."""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.errors import StorageError
from hyperopt_app.legacy.old.copies import closing_storage, connection, damage, opened
from hyperopt_app.legacy.old.places import IMPORTED, JOURNAL, OldStudy, Place
from hyperopt_app.support.passwords import mask_password

if TYPE_CHECKING:
    import optuna

__all__ = ["find_old", "imported_names", "is_of_today"]

_OURS = frozenset({IMPORTED, "spec"})
_TABLES = {"studies", "study_user_attributes", "trials", "version_info"}


@dataclass(frozen=True)
class _Contents:
    """The contents of a file: the user attributes' keys of each study by its name, and the file's kind."""

    studies: Mapping[str, frozenset[str]]
    schema: str = ""
    tool: str = "Optuna"
    states: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def find_old(storage: str, study_name: str, *, must_exist: bool = False) -> OldStudy | None:
    """Return the study of that name, if it exists and this package has not created it.

    What was imported into a file is not found there; on a server it is, since it has not moved (see
    `importing.continued`).

    Args:
        storage: In our form, see `Place.of`.
        study_name: Its name.
        must_exist: Whether a missing study is an error.

    Raises:
        StorageError: The file is damaged or of another kind, or it is of an old Optuna and has no study of that name.
    """
    place = Place.of(storage)
    if place.path is None:
        return _find_on_server(storage, place, study_name, must_exist=must_exist)
    contents = _contents(place)
    if contents is None:
        if must_exist:
            raise StorageError(f"{place.path}: it holds no study; check save_path, storage and storage_type")
        return None
    if study_name not in contents.studies:
        _check_missing(place.path, study_name, contents, must_exist=must_exist)
        return None
    if contents.studies[study_name] & _OURS:
        return None
    states = contents.states.get(study_name)
    old = OldStudy(storage, place, study_name, states or {}, contents.schema, contents.tool)
    if states is None:
        with opened(old) as study:
            return OldStudy(storage, place, study_name, _states(study), contents.schema, contents.tool)
    return old


def imported_names(place: Place) -> dict[str, bool]:
    """Return the names of the studies in a file, and whether each was imported; empty without the file."""
    contents = _contents(place)
    return {} if contents is None else {name: IMPORTED in keys for name, keys in contents.studies.items()}


def is_of_today(old: OldStudy) -> bool:
    """Whether the installed Optuna can write to the study's file unchanged."""
    return old.schema == JOURNAL or old.schema == _head_version()


def _check_missing(path: Path, name: str, contents: _Contents, *, must_exist: bool) -> None:
    is_old = contents.schema not in (JOURNAL, "") and contents.schema != _head_version()
    if not must_exist and not is_old:
        return
    names = ", ".join(map(repr, contents.studies)) or "none"
    text = f"{path}: it has no study {name!r}; its studies: {names}. Correct the study's name"
    if is_old:
        text += f", or name another storage for a new study: in a database of {contents.tool} none can be begun"
    raise StorageError(text)


def _head_version() -> str:
    from optuna.storages import RDBStorage

    storage = RDBStorage("sqlite:///:memory:")
    try:
        return storage.get_head_version()
    finally:
        storage.engine.dispose()


def _find_on_server(storage: str, place: Place, name: str, *, must_exist: bool) -> OldStudy | None:
    import optuna

    from hyperopt_app.study.opening import find_study

    with closing_storage(storage) as there:
        study = find_study(there, name)
        if study is None and must_exist:
            names = ", ".join(map(repr, optuna.get_all_study_names(there))) or "none"
            raise StorageError(f"{mask_password(storage)}: it has no study {name!r}; its studies: {names}")
        # An imported study is where it was, and is found again for the record that it carries.
        if study is None or _OURS & study.user_attrs.keys() == {"spec"}:
            return None
        return OldStudy(storage, place, name, _states(study))


def _states(study: "optuna.Study") -> dict[str, int]:
    return dict(Counter(trial.state.name for trial in study.get_trials(deepcopy=False)))


def _contents(place: Place) -> _Contents | None:
    path = place.path
    if path is None or not path.exists():
        return None
    try:
        if path.stat().st_size == 0:
            return None
        return _journal_contents(path) if place.kind == JOURNAL else _database_contents(path)
    except OSError as error:
        raise StorageError(f"{path}: it cannot be read: {error.strerror}") from None


def _database_contents(path: Path) -> _Contents | None:
    try:
        with connection(path) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables:
                return None
            if not tables >= _TABLES:
                shown = ", ".join(sorted(tables)[:5])
                raise StorageError(
                    f"{path}: this is the database of another program (tables: {shown}), not of Optuna; "
                    "give another file in `storage`"
                )
            return _read_database(database, tables)
    except sqlite3.Error as error:
        raise StorageError(damage(path, error)) from None


def _read_database(database: sqlite3.Connection, tables: set[str]) -> _Contents:
    names = dict(database.execute("SELECT study_id, study_name FROM studies ORDER BY study_id"))
    keys: dict[str, set[str]] = {name: set() for name in names.values()}
    for study_id, key in database.execute("SELECT study_id, key FROM study_user_attributes"):
        if study_id in names:
            keys[names[study_id]].add(key)
    states: dict[str, dict[str, int]] = {name: {} for name in names.values()}
    for study_id, state, count in database.execute("SELECT study_id, state, COUNT(*) FROM trials GROUP BY 1, 2"):
        if study_id in names:
            states[names[study_id]][state] = count
    schema = ""
    if "alembic_version" in tables:
        schema = next((str(version) for (version,) in database.execute("SELECT version_num FROM alembic_version")), "")
    made_by = next((str(version) for (version,) in database.execute("SELECT library_version FROM version_info")), "")
    return _Contents(
        {name: frozenset(names) for name, names in keys.items()},
        schema or "before v0.9",
        f"Optuna {made_by}".strip(),
        states,
    )


def _journal_contents(path: Path) -> _Contents | None:
    keys: list[tuple[str, set[str]]] = []
    has_records = False
    with path.open("rb") as journal:
        for line in journal:
            record = _record(line)
            has_records = has_records or record is not None
            if record is None:
                continue
            if record["op_code"] == 0 and record.get("study_name") not in [name for name, _ in keys]:
                keys.append((str(record.get("study_name")), set()))
            elif record["op_code"] == 2 and int(record.get("study_id", -1)) < len(keys):
                keys[int(record["study_id"])][1].update(record.get("user_attr", {}))
    if not has_records:
        raise StorageError(f"{path}: this is not a journal of Optuna; give another file in `storage`")
    return _Contents({name: frozenset(names) for name, names in keys}, JOURNAL, "Optuna (a journal)")


def _record(line: bytes) -> dict[str, Any] | None:
    """A record that makes a study or sets its attribute; others are recognised by their beginning and not parsed."""
    start = line.lstrip(b" \0")[:24].replace(b" ", b"")
    if not start.startswith(b'{"op_code":'):
        return None
    if not start.startswith((b'{"op_code":0,', b'{"op_code":2,')):
        return {"op_code": -1}
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
