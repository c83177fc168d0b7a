# SPDX-License-Identifier: MIT
"""Judge whether a configuration is hopeless beside the best one on the same seeds; pure.

The test is a paired t-test, one-sided: the differences to the incumbent on the seeds that both have. A configuration
with one repeat or two says nothing of how much such differences scatter, so their variance is that of the other
configurations, pooled: of the better half of them, since the noise of bad ones, which diverge, would hide everything.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hyperopt_app.repeats.student import student_tail

__all__ = ["LEVEL", "Noise", "chance_of_luck", "noise_of"]

# A configuration as good as the incumbent is ended by a test with this probability at most.
LEVEL = 0.1
# Degrees of freedom below which a variance says too little.
_LEAST_FREEDOM = 4


@dataclass(frozen=True)
class Noise:
    """How much a configuration's difference to the incumbent scatters from seed to seed.

    Attributes:
        variance: Of one difference.
        freedom: Its degrees of freedom.
    """

    variance: float
    freedom: int


def noise_of(others: Sequence[Sequence[float]], incumbent: Sequence[float], *, maximize: bool) -> Noise | None:
    """Estimate the noise from the better half of the other configurations; None where they are too few.

    Args:
        others: The values of each other configuration, by repeat.
        incumbent: The incumbent's.
        maximize: Whether larger values are better.
    """
    differences = [losses(values, incumbent, maximize=maximize) for values in others if len(values) > 1]
    differences.sort(key=lambda losses: math.fsum(losses) / len(losses))
    better = differences[: (len(differences) + 1) // 2]
    freedom = sum(len(losses) - 1 for losses in better)
    if freedom < _LEAST_FREEDOM:
        return None
    return Noise(math.fsum(map(_squares, better)) / freedom, freedom)


def losses(values: Sequence[float], incumbent: Sequence[float], *, maximize: bool) -> list[float]:
    """Return by how much a configuration is worse than the incumbent on each seed that both have."""
    sign = -1.0 if maximize else 1.0
    return [sign * (value - best) for value, best in zip(values, incumbent, strict=False)]


def chance_of_luck(values: Sequence[float], incumbent: Sequence[float], noise: Noise, *, maximize: bool) -> float:
    """Return the probability that a configuration as good as the incumbent does this badly: small if hopeless.

    Args:
        values: The configuration's values, by repeat; at least one.
        incumbent: The incumbent's.
        noise: From `noise_of`.
        maximize: Whether larger values are better.
    """
    worse = losses(values, incumbent, maximize=maximize)
    mean = math.fsum(worse) / len(worse)
    if mean <= 0 or not math.isfinite(mean):
        return 1.0
    error = math.sqrt(noise.variance / len(worse))
    return student_tail(math.inf if error == 0 else mean / error, noise.freedom)


def _squares(differences: Sequence[float]) -> float:
    mean = math.fsum(differences) / len(differences)
    return math.fsum((difference - mean) ** 2 for difference in differences)
