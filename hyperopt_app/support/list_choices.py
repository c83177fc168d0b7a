# SPDX-License-Identifier: MIT
"""Silence Optuna's warning about lists among the choices of a parameter, which it repeats for every trial."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["allow_lists", "lists_allowed"]

_WARNING = "Choices for a categorical distribution should be a tuple of None"


def allow_lists() -> None:
    """Silence the warning in this process from now on; lists come back from every storage unchanged."""
    warnings.filterwarnings("ignore", _WARNING, UserWarning)


@contextmanager
def lists_allowed() -> Iterator[None]:
    """Silence the warning while the body runs."""
    with warnings.catch_warnings():
        allow_lists()
        yield
