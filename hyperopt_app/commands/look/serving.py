# SPDX-License-Identifier: MIT
"""Serve a WSGI application to this machine alone, without letting it write: for `hyperopt-app dashboard`."""

from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

__all__ = ["Application", "reading_only", "server_on"]

_LOOPBACK = "127.0.0.1"
# Under other names a page of another site could read this one through the user's browser.
_OWN_NAMES = (_LOOPBACK, "localhost")

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def server_on(port: int, application: Application) -> WSGIServer:
    """Return a server of the application on the loopback address.

    Args:
        port: The port; 0 for one that is free.
        application: What answers.

    Raises:
        OSError: The port is taken, or not for this user.
    """
    return make_server(_LOOPBACK, port, application, _Server, _Quiet)


def reading_only(application: Application) -> Application:
    """Refuse what would write into the study, and requests by another name than this machine's own."""

    def answer(environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        name = str(environment.get("HTTP_HOST", "")).rpartition(":")[0] or str(environment.get("HTTP_HOST", ""))
        if name not in _OWN_NAMES or environment["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start("403 Forbidden", [("Content-Type", "application/json")])
            return [b'{"reason": "hyperopt-app dashboard only reads the study"}']
        return application(environment, start)

    return answer


class _Server(ThreadingMixIn, WSGIServer):
    """Answers several requests at a time, and ends without waiting for them."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """Logs no requests."""

    def log_message(self, *_of_request: Any) -> None:
        """Print nothing."""
