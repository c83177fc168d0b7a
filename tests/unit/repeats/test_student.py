# SPDX-License-Identifier: MIT
"""The tail of Student's distribution."""

import math

import pytest

from hyperopt_app.repeats.student import student_tail

# From a table of critical values: probability of the upper tail -> t by degrees of freedom.
TABLE = [
    (1, 0.05, 6.313752),
    (2, 0.05, 2.919986),
    (4, 0.05, 2.131847),
    (4, 0.1, 1.533206),
    (4, 0.005, 4.604095),
    (10, 0.025, 2.228139),
    (30, 0.05, 1.697261),
    (120, 0.01, 2.357825),
]


@pytest.mark.parametrize(("freedom", "chance", "t"), TABLE)
def test_it_agrees_with_the_table(freedom: int, chance: float, t: float) -> None:
    """To the digits that the table has; below the middle it is the rest."""
    assert student_tail(t, freedom) == pytest.approx(chance, abs=1e-7)
    assert student_tail(-t, freedom) == pytest.approx(1 - chance, abs=1e-7)


def test_its_ends_and_its_middle() -> None:
    """With one degree of freedom it is Cauchy's, whose tail is an arc tangent."""
    assert student_tail(0.0, 7) == 0.5
    assert (student_tail(math.inf, 3), student_tail(-math.inf, 3)) == (0.0, 1.0)
    for t in (1e-9, 0.3, 1.0, 4.0, 1e6):
        assert student_tail(t, 1) == pytest.approx(0.5 - math.atan(t) / math.pi, rel=1e-6, abs=1e-12)
    assert 0 < student_tail(50.0, 40) < 1e-30
