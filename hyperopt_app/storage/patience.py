# SPDX-License-Identifier: MIT
"""Let a thread stop waiting for an unreachable storage as soon as a condition holds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["gives_up", "giving_up"]

_GIVES_UP: ContextVar[Callable[[], bool]] = ContextVar("gives_up", default=lambda: False)


@contextmanager
def giving_up(when: Callable[[], bool]) -> Iterator[None]:
    """While the body runs, its thread stops waiting for an unreachable server as soon as `when` is true."""
    token = _GIVES_UP.set(when)
    try:
        yield
    finally:
        _GIVES_UP.reset(token)


def gives_up() -> bool:
    """Whether this thread should stop waiting."""
    return _GIVES_UP.get()()
