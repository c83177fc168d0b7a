# SPDX-License-Identifier: MIT
"""Open the storage of a study: a journal or a database, given by URL."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.errors import StorageError
from hyperopt_app.storage.network_filesystems import is_network_filesystem, nearest_existing
from hyperopt_app.storage.sqlite_file import check_sqlite
from hyperopt_app.support.list_choices import allow_lists

if TYPE_CHECKING:  # heavy, and only named in annotations
    from optuna.storages import BaseStorage
    from sqlalchemy.engine import URL

__all__ = ["JOURNAL_NAME", "absolute_storage", "check_storage", "journal_of", "open_storage"]

JOURNAL_NAME = "journal.log"
_JOURNAL_SUFFIXES = (".log", ".journal")
# For journals of other names.
_JOURNAL_PREFIX = "journal:"


def open_storage(
    storage: str | None,
    study_dir: Path,
    *,
    reading: bool = False,
    making: bool = True,
    patience_s: float | None = None,
) -> "BaseStorage":
    """Open the storage of a study, creating it if missing. Runs in the driver and in every worker.

    Args:
        storage: None for the journal in the study's directory; the path of another journal (`.log`,
            `.journal`, or any name after `journal:`); or an SQLAlchemy URL. An SQLite file on a network filesystem
            is refused, unless its URL ends in `?network=accept`.
        study_dir: The study's directory; made if need be.
        reading: For a command that only looks: nothing is made, a journal is not repaired, and a server that is away
            is not waited for.
        making: Whether a storage that is not there may be made; without it, what is there may be written.
        patience_s: For how many seconds a server is waited for that is away; by default a few. Once it is open, each
            call waits for as long as it takes (see `storage.patience.giving_up`).

    Returns:
        The storage. Any number of processes may have it open at the same time.

    Raises:
        StorageError: It must not or cannot be used, or is not there and is only to be read; the text has one line and
            shows no password.
    """
    allow_lists()
    place = _place(storage, study_dir)
    file = place if isinstance(place, Path) else _sqlite_file(place)
    making = making and not reading
    if not making and file is not None and not file.exists():
        raise StorageError(f"storage: {file} does not exist")
    if file is not None and not isinstance(place, Path):
        check_sqlite(file, making=making)
    if file is not None and making:
        _make_directory(file.parent)
    if isinstance(place, Path):
        from hyperopt_app.storage.journal import ExactJournalStorage, RepairingJournalBackend

        return ExactJournalStorage(RepairingJournalBackend(place, reading=reading))
    from hyperopt_app.storage.database import SHORT_S, open_database

    if file is not None:
        # The word is for us; SQLite's driver does not know it.
        return open_database(place.difference_update_query(["network"]))
    if reading:
        return open_database(place, patience_s=0, outlives=0)
    return open_database(place, patience_s=SHORT_S if patience_s is None else patience_s)


def journal_of(storage: str | None, study_dir: Path) -> Path:
    """Return the file of a study that is stored in a journal, without opening it.

    Raises:
        StorageError: It is a database, or the file does not exist.
    """
    place = _place(storage, study_dir)
    if not isinstance(place, Path):
        raise StorageError(f"storage: {place} is a database; only a journal is a file of lines that can be repaired")
    if not place.is_file():
        raise StorageError(f"{place}: journal not found; give --storage journal:PATH")
    return place


def check_storage(storage: str | None, study_dir: Path) -> None:
    """Check that `open_storage` would work, without writing anything. Runs in the driver.

    Raises:
        StorageError: As `open_storage`, but tables of another Optuna are not looked for.
    """
    place = _place(storage, study_dir)
    if isinstance(place, Path):
        from hyperopt_app.storage.journal import check_journal

        check_journal(place)
        _check_writable(place, study_dir)
    elif (file := _sqlite_file(place)) is not None:
        check_sqlite(file, making=True)
        _check_writable(file, study_dir)
    else:
        from hyperopt_app.storage.database import SHORT_S, await_server

        await_server(place, SHORT_S)


def _check_writable(file: Path, study_dir: Path) -> None:
    parent, own, folder = file.absolute().parent, study_dir.absolute(), nearest_existing(file.parent)
    comes_with_the_study = parent in (own, *own.parents) or own in parent.parents
    if folder.is_dir() and folder != file.parent and not comes_with_the_study:
        raise StorageError(
            f"storage: {file} would be a new file in a missing directory; the nearest existing one is "
            f"{folder}. If the path is right, make its directory with mkdir -p"
        )
    if not folder.is_dir() or not os.access(file if os.access(file, os.F_OK) else folder, os.W_OK):
        raise StorageError(f"storage: {file} cannot be written; give a path that this user may write")


def absolute_storage(storage: str | None, directory: Path) -> str | None:
    """Resolve the relative path of a storage against `directory`. Runs in the driver.

    Workers may run in another working directory than the driver; a relative path would lead them to another file.

    Raises:
        StorageError: The storage is not understood or must not be used.
    """
    if storage is None:
        return None
    place = _place(storage, directory)
    if isinstance(place, Path):
        path = directory / place
        return str(path) if path.suffix in _JOURNAL_SUFFIXES else f"{_JOURNAL_PREFIX}{path}"
    if place.get_backend_name() != "sqlite" or _is_sqlite_uri(place):
        return storage
    return place.set(database=str(directory / str(place.database))).render_as_string(hide_password=False)


def _place(storage: str | None, study_dir: Path) -> "Path | URL":
    if storage is None:
        return study_dir / JOURNAL_NAME
    if storage.startswith(_JOURNAL_PREFIX):
        return _journal_path(storage, storage.removeprefix(_JOURNAL_PREFIX))
    if "://" not in storage and storage.endswith(_JOURNAL_SUFFIXES):
        return _journal_path(storage, storage)
    from hyperopt_app.storage.database import parse_url

    url = parse_url(storage)
    file = _sqlite_file(url)
    network = is_network_filesystem(file) if file is not None else None
    if network is not None and url.query.get("network") != "accept":
        raise StorageError(
            f"storage: {storage} lies on a network filesystem ({network}), where SQLite's locks do not hold "
            "and several workers would destroy the file; leave storage: null, which keeps the study in a "
            "journal that is safe there, or name a server: postgresql+psycopg://USER:PASSWORD@HOST/DATABASE; "
            "to take the risk nevertheless, end the URL in ?network=accept"
        )
    return url


def _journal_path(storage: str, name: str) -> Path:
    if not name or "\0" in name:
        raise StorageError(f"storage: {storage!r} names no file; write journal:PATH")
    try:
        return Path(name).expanduser()
    except RuntimeError as error:  # of ~somebody
        raise StorageError(f"storage: {storage} is not a path: {error}") from None


def _sqlite_file(url: "URL") -> Path | None:
    """Return the file of an SQLite URL; None for a server."""
    if url.get_backend_name() != "sqlite":
        return None
    name = url.database or ":memory:"
    if _is_sqlite_uri(url):
        name = name.removeprefix("file:").removeprefix("//") or ":memory:"
    if ":memory:" in name or url.query.get("mode") == "memory":
        raise StorageError(
            f"storage: {url} keeps the study in the memory of one process, and workers are several; "
            "leave storage: null, or name a file: sqlite:///FILE"
        )
    return Path(name)


def _is_sqlite_uri(url: "URL") -> bool:
    return (url.database or "").startswith("file:")


def _make_directory(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"storage: the directory {folder} cannot be made: {error.strerror}") from None
