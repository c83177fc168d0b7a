# SPDX-License-Identifier: MIT
"""A clock for tests, so that none of them waits."""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time."""
        return self.now
