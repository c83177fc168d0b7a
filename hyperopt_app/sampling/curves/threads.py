# SPDX-License-Identifier: MIT
"""Run linear algebra on one thread: sums in another order would differ in their last digits from machine to machine."""

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

__all__ = ["on_one_thread"]


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Limit BLAS to one thread while the body runs, which also leaves the other cores to the trainings."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield
