# SPDX-License-Identifier: MIT
"""What a hydra-zen app makes its configs of."""


class Descent:
    """Plain steps down a parabola.

    Args:
        rate: Length of a step.
    """

    def __init__(self, rate: float = 0.1) -> None:
        self.rate = rate

    def step(self, at: float) -> float:
        """Where one step leads."""
        return at - self.rate * 2 * at


class Momentum(Descent):
    """Steps that remember the last one.

    Args:
        rate: Length of a step.
        keep: How much of the last step is added.
    """

    def __init__(self, rate: float = 0.1, keep: float = 0.5) -> None:
        super().__init__(rate)
        self.keep, self._last = keep, 0.0

    def step(self, at: float) -> float:
        """Where one step leads."""
        self._last = self.keep * self._last + (super().step(at) - at)
        return at + self._last


def count(start: float, limit: int) -> list[float]:
    """What a config builds by a function."""
    return [start / (number + 1) for number in range(limit)]
