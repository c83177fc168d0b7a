# SPDX-License-Identifier: MIT
"""Open an Optuna database by its URL, with settings suited to many workers."""

import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import Any
from urllib.parse import quote

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy import Inspector, create_engine, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from hyperopt_app.errors import StorageError
from hyperopt_app.storage.absence import ServerAwayError, absence_of, is_away, is_refusal
from hyperopt_app.storage.patience import gives_up
from hyperopt_app.storage.server import ClosingDatabase, ServerDatabase
from hyperopt_app.support.lock_file import renew_held
from hyperopt_app.support.passwords import mask_password

__all__ = ["SHORT_S", "await_server", "check_database", "open_database", "parse_url"]

# For as long a server is waited for that no command has reached yet: it may be starting, or the URL may be wrong.
SHORT_S = 5.0

_CONNECT_TIMEOUT_S = 10
_SQLITE_TIMEOUT_S = 60
_OPENINGS = 8
_FIRST_PAUSE_S = 0.05
# Seconds between two questions whether a server that is away answers again.
_ASK_AGAIN_S = 1.0

# What PostgreSQL, MySQL and MariaDB say, in lower case, when all their connections are taken.
_FULL = ("too many clients", "too many connections", "remaining connection slots")

# What SQLite says of a file that waiting does not make usable.
_FOR_GOOD = ("readonly database", "unable to open database file", "file is not a database")

# libpq's words for a server whose machine is gone without a word: it is noticed within a minute. PyMySQL has none.
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}
_LIBPQ = ("psycopg", "psycopg2")

# What a driver calls the seconds for a connection, and how pip calls the driver where the names differ.
_TIMEOUT_NAMES = {
    "mysqlconnector": "connection_timeout",
    "mysqldb": "connect_timeout",
    "pg8000": "timeout",
    "psycopg": "connect_timeout",
    "psycopg2": "connect_timeout",
    "pymysql": "connect_timeout",
}
_PACKAGES = {
    "mysqlconnector": "mysql-connector-python",
    "mysqldb": "mysqlclient",
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
}
_ALLOWED = (
    "allowed are null (a journal in the study's directory), a path that ends in .log or .journal, "
    "sqlite:///FILE, postgresql+psycopg://USER:PASSWORD@HOST/DATABASE and mysql+pymysql://USER:PASSWORD@HOST/DATABASE"
)


class _SqliteDatabase(ClosingDatabase):
    """Optuna's storage with the additional lock that SQLite needs for exact claims."""

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Set a trial's state as Optuna does, but under a write lock on SQLite.

        SQLite has no such clause and would let two processes read WAITING before either writes RUNNING. Here
        the transaction takes the write lock before it reads; Optuna's method goes on in the same session.
        """
        try:
            self.scoped_session().connection().exec_driver_sql("BEGIN IMMEDIATE")
        except SQLAlchemyError as error:
            self.scoped_session.remove()
            raise StorageInternalError("The SQLite file is locked by another process.") from error
        return super().set_trial_state_values(trial_id, state, values)


def parse_url(text: str) -> URL:
    """Parse a database URL.

    Raises:
        StorageError: It is not a URL, or its scheme is unknown, or its driver is not installed or does not fit.
    """
    shown = mask_password(text)
    authority = text.partition("://")[2].partition("?")[0]
    if authority.count("@") > 1:
        raise StorageError(f"storage: {shown} holds more than one '@'; write %40 for one in a password")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StorageError(f"storage: {shown} is not understood; {_ALLOWED}") from None
    if url.drivername.startswith("mariadb"):
        # Optuna has its fast statements for the name mysql only; the server and the drivers are the same.
        url = url.set(drivername="mysql" + url.drivername.removeprefix("mariadb"))
    try:
        dialect = url.get_dialect()
    except NoSuchModuleError:
        scheme = url.drivername
        raise StorageError(f"storage: {shown} has the unknown scheme {scheme!r}; {_ALLOWED}") from None
    try:
        dialect.import_dbapi()
    except ImportError:
        package = _PACKAGES.get(dialect.driver, dialect.driver)
        raise StorageError(
            f"storage: {shown} needs the driver {dialect.driver}, which is not installed here; "
            f'install it with: pip install "{package}"'
        ) from None
    if dialect.is_async:
        raise StorageError(f"storage: {shown} names an asynchronous driver; {_ALLOWED}")
    return url


def check_database(url: URL) -> None:
    """Connect to a server once without leaving anything behind; takes at most `_CONNECT_TIMEOUT_S`.

    Raises:
        ServerAwayError: The server does not answer.
        StorageError: The database or the user is not what the URL says.
    """
    arguments = _connect_arguments(url)
    if url.get_driver_name() == "pymysql":
        # Its connect_timeout ends with the TCP connection; a server that then says nothing would be waited for.
        arguments = {"read_timeout": _CONNECT_TIMEOUT_S, **arguments}
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
    try:
        with engine.connect() as connection:
            _check_table(inspect(connection), url)
    except StorageError:
        raise
    # PyMySQL's own are not SQLAlchemy's: cryptography is missing, an option in the URL is unknown.
    except (SQLAlchemyError, OSError, RuntimeError, TypeError, ValueError) as error:
        text = (
            f"storage: {_masked(url)} cannot be reached: {_reason(error, url)}. "
            "See that the server runs and that host, port, user, password and database are right"
        )
        raise (StorageError if is_refusal(error) else ServerAwayError)(text) from None


def _check_table(inspector: Inspector, url: URL) -> None:
    """Refuse another program's table `studies`, at which Optuna would fail after creating its other tables."""
    if inspector.has_table("studies"):
        columns = {str(column["name"]) for column in inspector.get_columns("studies")}
        if not columns >= {"study_id", "study_name"}:
            raise StorageError(
                f"storage: {_masked(url)} has a table `studies` that is not Optuna's; nothing was written into it. "
                "Name another database"
            )


def await_server(url: URL, patience_s: float, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Wait until the server answers, while it has no free connection or is unreachable.

    Args:
        url: From `parse_url`.
        patience_s: For how long one that is away is waited for; `giving_up` may end it before.
        sleep: Waits for so many seconds.

    Returns:
        Whether it was away.

    Raises:
        ServerAwayError: It was away for too long.
        StorageError: It stays full, or the database or the user is not what the URL says.
    """
    absence, until, openings, was_away = absence_of(_masked(url)), time.monotonic() + patience_s, 0, False
    while True:
        try:
            check_database(url)
        except ServerAwayError as error:
            if gives_up() or time.monotonic() >= until:
                raise
            absence.begins(str(error).partition(" cannot be reached: ")[2].partition(". See that")[0], patience_s)
            was_away = True
            renew_held()  # or others would break a lock that is held meanwhile
            sleep(_ASK_AGAIN_S)
        except StorageError as error:
            # Many workers open it at once.
            if openings == _OPENINGS or not any(words in str(error).lower() for words in _FULL):
                raise
            sleep(_FIRST_PAUSE_S * 2**openings)
            openings += 1
        else:
            absence.ends()
            return was_away


def open_database(
    url: URL, sleep: Callable[[float], None] = time.sleep, *, patience_s: float = SHORT_S, outlives: float = inf
) -> RDBStorage:
    """Open the database and create its tables if missing; any number of processes may do so at once.

    Args:
        url: From `parse_url`.
        sleep: Waits for so many seconds.
        patience_s: For how many seconds a server that is away is waited for.
        outlives: The same for each call, once it is open.

    Raises:
        StorageError: It cannot be reached or stays full, or its tables are not this Optuna's.
    """
    is_sqlite = url.get_backend_name() == "sqlite"
    if not is_sqlite:
        await_server(url, patience_s, sleep)
    # Optuna fills a template in braces.
    text = url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
    fault = ""
    for opening in range(_OPENINGS):
        try:
            if is_sqlite:
                return _SqliteDatabase(text, _engine_arguments(url))
            return ServerDatabase(text, _engine_arguments(url), partial(await_server, url, outlives))
        except RuntimeError as error:
            raise StorageError(_schema_fault(str(error), url)) from None
        except (TypeError, ValueError) as error:
            raise StorageError(_unusable(error, url)) from None
        except (SQLAlchemyError, StorageInternalError) as error:
            # Two processes that make the tables at once trip over each other; the next look finds them made.
            fault = _unusable(error, url)
            if any(words in fault for words in _FOR_GOOD):
                break
            if not is_sqlite and is_away(error):
                await_server(url, patience_s, sleep)
        sleep(_FIRST_PAUSE_S * 2**opening)
    raise StorageError(fault)


def _engine_arguments(url: URL) -> dict[str, Any]:
    arguments: dict[str, Any] = {"connect_args": _connect_arguments(url), "pool_pre_ping": True}
    if url.get_driver_name() in _LIBPQ:
        kept = {name: value for name, value in _KEEPALIVE.items() if name not in url.query}
        arguments["connect_args"] = {**kept, **_connect_arguments(url)}
    if url.get_backend_name() != "sqlite":
        # A server has about a hundred connections for all workers: each keeps one, and returns a second after use;
        # a third thread waits for one of the two.
        arguments |= {"pool_size": 1, "max_overflow": 1}
    if url.get_backend_name() == "mysql":
        # PostgreSQL's default. Under MySQL's own, MariaDB with innodb_snapshot_isolation (on from version 11.6)
        # fails with error 1020 when two workers write the same attribute of a study.
        arguments["isolation_level"] = "READ COMMITTED"
    return arguments


def _connect_arguments(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        name, seconds = "timeout", _SQLITE_TIMEOUT_S
    else:
        name, seconds = _TIMEOUT_NAMES.get(url.get_driver_name(), ""), _CONNECT_TIMEOUT_S
    return {} if not name or name in url.query else {name: seconds}


def _unusable(error: Exception, url: URL) -> str:
    return f"storage: {_masked(url)} cannot be used: {_reason(error, url)}"


def _schema_fault(message: str, url: URL) -> str:
    match = re.search(r"set up by optuna (\S+?)\)", message)
    made_by = f"Optuna {match[1]}" if match else "another Optuna"
    if "storage upgrade" in message:
        way = (
            "make a copy of the database, and bring the copy up to date with: "
            f"optuna storage upgrade --storage '{_masked(url)}'"
        )
    else:
        way = "install an Optuna as new as that, or name another database"
    tables = f"the tables in {_masked(url)} were made by {made_by}"
    return f"storage: {tables} and do not fit the installed Optuna; {way}"


def _masked(url: URL) -> str:
    return mask_password(url.render_as_string(hide_password=True))


def _reason(error: Exception, url: URL) -> str:
    """Return the driver's message in one line, without the password."""
    cause: BaseException = error
    if isinstance(error, StorageInternalError) and error.__cause__ is not None:
        cause = error.__cause__
    text = " ".join(str(getattr(cause, "orig", None) or cause).split()).rstrip(".")
    if url.password:
        text = text.replace(url.password, "***").replace(quote(url.password, safe=""), "***")
    return mask_password(text)
