# SPDX-License-Identifier: MIT
"""Tell whether a file is an SQLite database of Optuna, by opening it read-only.

Optuna would add its tables to any database, and fail later if another program has a table `studies` there.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from hyperopt_app.errors import StorageError

__all__ = ["check_sqlite"]

# The first two are made first, so one of them is there if a process has died while it made them all.
_OPTUNAS = {"studies", "version_info", "trials"}
_COLUMNS = {"study_id", "study_name"}


def check_sqlite(file: Path, *, making: bool) -> None:
    """Refuse a file that is not a database, or another program's.

    Args:
        file: Where the database is.
        making: Whether it may be made, or be still empty.

    Raises:
        StorageError: It is not there, no file, no database, another program's, or must hold a study and has none.
    """
    if file.is_symlink() and not file.exists():
        raise StorageError(f"storage: {file} is a link to {file.readlink()}, which leads nowhere; name another file")
    if not file.exists():
        if making:
            return
        raise StorageError(f"storage: {file} does not exist")
    if not file.is_file():
        raise StorageError(f"storage: {file} is not a file, so it cannot be an SQLite database; name another one")
    tables = _tables(file)
    if tables is None:
        return
    if not tables and not making:
        raise StorageError(f"storage: {file} holds no study; nothing was written into it")
    if tables and not tables.keys() & _OPTUNAS:
        raise StorageError(
            f"storage: {file} is a database of another program (it has the tables {', '.join(sorted(tables))}); "
            "nothing was written into it. Name another file"
        )
    if "studies" in tables and not tables["studies"] >= _COLUMNS:
        raise StorageError(
            f"storage: {file} has a table `studies` that is not Optuna's; nothing was written into it. "
            "Name another file"
        )


def _tables(file: Path) -> dict[str, set[str]] | None:
    """Return the tables with their columns; None if SQLite cannot say, because the file is locked or unreadable."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=ro", uri=True)) as database:
            names = [str(name) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            columns = "SELECT name FROM pragma_table_info(?)"
            return {name: {str(column) for (column,) in database.execute(columns, (name,))} for name in names}
    except sqlite3.OperationalError:
        return None
    except sqlite3.DatabaseError as error:
        raise StorageError(f"storage: {file} is not an SQLite database ({error}); name another file") from None
