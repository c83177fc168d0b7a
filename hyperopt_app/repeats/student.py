# SPDX-License-Identifier: MIT
"""The tail of Student's distribution; SciPy, which has it too, is not among this package's requirements."""

import math

__all__ = ["student_tail"]

_PRECISION = 1e-14
_MOST_TERMS = 10_000


def student_tail(t: float, freedom: int) -> float:
    """Return the probability that Student's t is at least `t`.

    Args:
        t: Finite or infinite.
        freedom: Degrees of freedom, from 1.
    """
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    half = 0.5 * _incomplete_beta(freedom / (freedom + t * t), freedom / 2)
    return half if t >= 0 else 1.0 - half


def _incomplete_beta(x: float, a: float) -> float:
    """Return the regularised incomplete beta function I_x(a, 1/2)."""
    b = 0.5
    if x <= 0.0 or x >= 1.0:
        return min(max(x, 0.0), 1.0)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    front = math.exp(log_front)
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """Evaluate the continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _MOST_TERMS):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _not_zero(1.0 + step * d)
            c = _not_zero(1.0 + step / c)
            value *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            break
    return value


def _not_zero(number: float) -> float:
    return number if abs(number) > 1e-300 else 1e-300
