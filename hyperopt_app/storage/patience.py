# SPDX-License-Identifier: MIT
"""Let code stop waiting for an unreachable storage."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["gives_up", "giving_up"]

_GIVES_UP: ContextVar[Callable[[], bool]] = ContextVar("gives_up", default=lambda: False)


@contextmanager
def giving_up(when: Callable[[], bool]) -> Iterator[None]:
    """While the body runs, its thread waits for a server that is away only as long as `when` is not true."""
    token = _GIVES_UP.set(when)
    try:
        yield
    finally:
        _GIVES_UP.reset(token)


def gives_up() -> bool:
    """Whether this thread is to wait no longer."""
    return _GIVES_UP.get()()
