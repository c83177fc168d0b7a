# SPDX-License-Identifier: MIT
"""Recognise errors that mean a database server is temporarily unreachable, and log the outage."""

import logging
import re
import threading
import time
from collections.abc import Callable

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from hyperopt_app.errors import StorageError

__all__ = ["Absence", "ServerAwayError", "absence_of", "is_away", "is_refusal"]

_log = logging.getLogger(__name__)

# What a server says to who must not come in, or asks for what it does not have: waiting does not help.
_REFUSED = re.compile(
    r"authentication failed|access denied|no pg_hba\.conf entry|unknown database|does not exist|\bssl\b|\btls\b"
    r"|no password supplied|not allowed to connect|invalid (?:port|integer)",
    re.IGNORECASE,
)
# What drivers say when a connection breaks, or cannot be made.
_AWAY = re.compile(
    r"connect|shutting down|starting up|recovery mode|gone away|server closed|broken pipe|reset by peer|timed? ?out",
    re.IGNORECASE,
)


class ServerAwayError(StorageError):
    """The server does not answer, and waiting for it has ended."""


def is_refusal(error: BaseException) -> bool:
    """Whether a connection failed for a reason that waiting does not remove; pure."""
    return not isinstance(error, OperationalError | InterfaceError | OSError) or bool(_REFUSED.search(str(error)))


def is_away(error: BaseException) -> bool:
    """Whether a statement failed because the server, or the connection to it, was gone; pure."""
    cause = error.__cause__ if isinstance(error, StorageInternalError) else error
    if isinstance(cause, DBAPIError) and cause.connection_invalidated:
        return True
    # The statement, its text and its values, is not part of the server's message.
    said = str(cause.orig) if isinstance(cause, DBAPIError) else str(cause)
    return isinstance(cause, SQLAlchemyError) and bool(_AWAY.search(said)) and not _REFUSED.search(said)


class Absence:
    """What this process knows of an unreachable server; several threads may wait, and each event is logged once.

    Args:
        name: The server's URL, without its password.
        clock: Monotonic seconds.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._since: float | None = None
        self._lock = threading.Lock()

    def begins(self, reason: str, patience_s: float) -> None:
        """Log that the server does not answer, the first time only.

        Args:
            reason: What its driver says.
            patience_s: How long it is waited for.
        """
        with self._lock:
            if self._since is not None:
                return
            self._since = self._clock()
        how_long = "" if patience_s == float("inf") else f" for {patience_s:g} s at the most"
        _log.warning("the database at %s does not answer (%s); waiting for it%s", self._name, reason, how_long)

    def ends(self) -> None:
        """Log that the server answers again, the first time only."""
        with self._lock:
            since, self._since = self._since, None
        if since is not None:
            _log.warning("the database at %s answers again after %.0f s", self._name, self._clock() - since)


_ABSENCES: dict[str, Absence] = {}


def absence_of(name: str) -> Absence:
    """Return this process's record of a server."""
    return _ABSENCES.setdefault(name, Absence(name))
