# SPDX-License-Identifier: MIT
"""Read the file of an old study without writing to it: by a read-only connection, or from an upgraded copy."""

import logging
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hyperopt_app.errors import StorageError
from hyperopt_app.legacy.old.places import JOURNAL, OldStudy, directions_of, study_in_memory
from hyperopt_app.legacy.old.trials import converted
from hyperopt_app.storage.opening import open_storage

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage
    from optuna.study import StudyDirection

__all__ = ["closing_storage", "connection", "damage", "new_storage", "opened", "opened_storage"]

_WAIT_S = 60.0


def damage(path: Path, error: Exception) -> str:
    """Return the error for a database that SQLite cannot read."""
    return (
        f"{path}: it cannot be read as an SQLite database ({error}); if it is damaged, "
        f"`sqlite3 {path.name} .recover` may save the trials into another file"
    )


@contextmanager
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a read-only connection; to a copy if the file needs a repair, or its filesystem has no locks.

    Raises:
        sqlite3.DatabaseError: It is not a database.
    """
    try:
        database = _read_only(path)
    except sqlite3.OperationalError:
        with tempfile.TemporaryDirectory(prefix="hyperopt_app_") as folder:
            copied = Path(folder) / "copy.db"
            _copy_files(path, copied)
            with closing(sqlite3.connect(copied)) as database:
                yield database
        return
    with closing(database):
        yield database


def _read_only(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=_WAIT_S)
    try:
        database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _copy_files(path: Path, target: Path) -> None:
    """Copy a database with what a killed writer has left beside it, from which SQLite repairs the copy."""
    for suffix in ("-journal", "-wal", ""):
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{suffix}", f"{target}{suffix}")


def _copy_database(path: Path, target: Path) -> None:
    try:
        try:
            with closing(_read_only(path)) as source, closing(sqlite3.connect(target)) as copied:
                source.backup(copied)
        except sqlite3.OperationalError:
            target.unlink(missing_ok=True)
            _copy_files(path, target)
        with closing(sqlite3.connect(target)) as copied:
            (verdict,) = copied.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise StorageError(damage(path, ValueError(verdict)))
    except sqlite3.Error as error:
        raise StorageError(damage(path, error)) from None


@contextmanager
def opened(old: OldStudy) -> "Iterator[optuna.Study]":
    """The old study, to be read: from a copy that is up to date, but on a server where it is.

    Of one of Optuna's first studies of several objectives what is read has the values where today's studies have them.

    Raises:
        StorageError: It cannot be read, or is of a newer Optuna.
    """
    import optuna

    with opened_storage(old) as storage:
        study = optuna.load_study(study_name=old.name, storage=storage)
        directions, in_curve = directions_of(study, storage)
        yield _with_values(study, directions) if in_curve else study


def _with_values(study: "optuna.Study", directions: "Sequence[StudyDirection]") -> "optuna.Study":
    now = datetime.now()  # noqa: DTZ005 - Optuna stamps trials without a time zone
    trials = [
        converted(trial, {}, objectives=len(directions), in_curve=True, now=now) if trial.state.is_finished() else trial
        for trial in study.get_trials(deepcopy=False)
    ]
    return study_in_memory(trials, directions, study.study_name)


@contextmanager
def opened_storage(old: OldStudy) -> "Iterator[BaseStorage]":
    """Open the storage of `opened`."""
    with (
        tempfile.TemporaryDirectory(prefix="hyperopt_app_") as folder,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        with closing_storage(_copied(old, Path(folder))) as storage:
            yield storage


@contextmanager
def closing_storage(storage: str) -> "Iterator[BaseStorage]":
    """Open a storage and close it at the end, so that its file may be moved."""
    from optuna.storages import RDBStorage

    there = open_storage(storage, Path.cwd())
    try:
        yield there
    finally:
        if isinstance(there, RDBStorage):
            there.remove_session()
            there.engine.dispose()


@contextmanager
def new_storage(kind: str, made: Path) -> "Iterator[BaseStorage]":
    """A storage to be filled, which is in the file `made` at the end; a database is filled in memory.

    On a disk each trial of a database costs several waits for it.
    """
    from optuna.storages import RDBStorage

    if kind == JOURNAL:
        with closing_storage(f"journal:{made}") as journal:
            yield journal
        return
    storage = RDBStorage("sqlite:///:memory:")
    try:
        yield storage
        storage.remove_session()
        pooled = storage.engine.raw_connection()
        with closing(pooled), closing(sqlite3.connect(made)) as file:
            driver: Any = pooled.driver_connection
            driver.backup(file)
    finally:
        storage.engine.dispose()


def _copied(old: OldStudy, folder: Path) -> str:
    path = old.place.path
    if path is None:
        return old.storage
    if old.place.kind == JOURNAL:
        shutil.copyfile(path, folder / "copy.log")
        return f"journal:{folder / 'copy.log'}"
    _copy_database(path, folder / "copy.db")
    _upgrade(folder / "copy.db", path)
    return f"sqlite:///{folder / 'copy.db'}?network=accept"


def _upgrade(copied: Path, origin: Path) -> None:
    """Bring the tables of a copy up to date, as `optuna storage upgrade` does."""
    from optuna.storages import RDBStorage

    with _quiet_alembic(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        storage = RDBStorage(f"sqlite:///{copied}", skip_compatibility_check=True, skip_table_creation=True)
        try:
            known: Sequence[str] = storage.get_all_versions()
            version = storage.get_current_version()
            if version not in known:
                raise StorageError(f"{origin}: its tables ({version}) are of a newer Optuna; pip install -U optuna")
            if version != storage.get_head_version():
                storage.upgrade()
        except StorageError:
            raise
        except Exception as error:  # Optuna's, SQLAlchemy's and alembic's have no common base
            raise StorageError(f"{origin}: a copy of it could not be brought up to date: {error}") from error
        finally:
            storage.engine.dispose()


@contextmanager
def _quiet_alembic() -> Iterator[None]:
    # Without a handler at the root, Optuna's migration would set up logging for the whole process.
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
