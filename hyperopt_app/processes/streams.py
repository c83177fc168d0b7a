# SPDX-License-Identifier: MIT
"""Handle characters that standard output cannot encode, and closed pipes: commands end quietly, a search goes on.

A user's program gets its own streams back when a search in it has ended.
"""

import codecs
import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["going_on_unread", "spelling_out", "until_nobody_reads"]

_SPELLED = "hyperopt_app.spelled"
# Of our own tables; each stands for one character, so that columns stay in line.
_PLAIN = {"·": "-", "…": "~", **dict(zip("▁▂▃▄▅▆▇█", "_.-=+*%#", strict=True))}
_NOT_ALL_WAS_READ = 1
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return a replacement for characters that a stream cannot encode."""
    if isinstance(error, UnicodeEncodeError) and (plain := _PLAIN.get(error.object[error.start])):
        return plain, error.start + 1
    return codecs.backslashreplace_errors(error)


@contextmanager
def spelling_out() -> Iterator[None]:
    """Print characters that standard output cannot encode as escapes, instead of failing."""
    stream, before = sys.stdout, getattr(sys.stdout, "errors", None)
    if before != "strict" or not hasattr(stream, "reconfigure"):
        yield
        return
    codecs.register_error(_SPELLED, _escaped)
    stream.reconfigure(errors=_SPELLED)
    try:
        yield
    finally:
        with suppress(ValueError, OSError):  # closed meanwhile, or what is left cannot be written
            stream.reconfigure(errors=before)


@contextmanager
def until_nobody_reads() -> Iterator[None]:
    """Exit quietly, as other programs do, when the reader of standard output (`| head -1`) has closed it.

    Raises:
        SystemExit: With exit code 1; with a line if it cannot be written for lack of space.
    """
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _write_no_more()
        raise SystemExit(_NOT_ALL_WAS_READ) from None
    except OSError as error:
        if error.errno not in _FULL or error.filename is not None:
            raise
        _write_no_more()
        raise SystemExit(f"The output cannot be written: {error.strerror}") from None


@contextmanager
def going_on_unread() -> Iterator[None]:
    """Let a search continue when the reader of its log has closed the pipe, without a traceback per line."""
    complain = logging.Handler.handleError

    def handle(handler: logging.Handler, record: logging.LogRecord) -> None:
        if sys.exc_info()[0] is BrokenPipeError:
            _write_no_more()
        else:
            complain(handler, record)

    logging.Handler.handleError = handle  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        logging.Handler.handleError = complain  # type: ignore[method-assign]


def _write_no_more() -> None:
    # What is left in the buffer would be written, and complained of, at the very end.
    nothing = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError, ValueError):
        os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
