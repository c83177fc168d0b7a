# SPDX-License-Identifier: MIT
"""Learning curves of a page."""

import base64
import math
import struct
from typing import Any

from hyperopt_app.page.curves import agreement_of, curves_of
from tests.unit._made_trials import made


def _numbers(text: str, kind: str) -> list[Any]:
    data = base64.b64decode(text)
    return list(struct.unpack(f"<{len(data) // 4}{kind}", data))


def test_curves_lie_behind_each_other() -> None:
    """By step, whatever the order of the reports; what is not finite is NaN."""
    packed = curves_of([made(curve={2: 0.5, 0: 2.0}), made(), made(curve={7: math.inf})])
    assert packed is not None
    assert _numbers(packed["lengths"], "i") == [2, 0, 1]
    assert _numbers(packed["steps"], "i") == [0, 2, 7]
    values = _numbers(packed["values"], "f")
    assert values[:2] == [2.0, 0.5]
    assert math.isnan(values[2])
    assert packed["kept"] is None


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    """So that a page of many trials stays small."""
    trials = [made(curve={step: float(step) for step in range(100)}), made(curve={5: 1.0})]
    packed = curves_of(trials, most_points=20)
    assert packed is not None
    assert packed["kept"] == 10
    assert _numbers(packed["lengths"], "i") == [10, 1]
    steps = _numbers(packed["steps"], "i")
    assert (steps[0], steps[9], steps[10]) == (0, 99, 5)


def test_without_reports_there_are_no_curves() -> None:
    """The figure is left out."""
    assert curves_of([made()]) is None
    assert curves_of([]) is None


def test_the_order_at_two_steps_is_compared() -> None:
    """A step that orders the trials as the last one has a correlation of 1 with it, one in reverse -1."""
    trials = [made(curve={0: -float(n), 1: float(n * n), 2: float(n)}) for n in range(6)]
    agreement = agreement_of(trials)
    assert agreement is not None
    assert agreement.steps == (0, 1, 2)
    assert agreement.with_last() == [(0, -1.0), (1, 1.0)]
    assert agreement.trials == 6


def test_pruned_trials_count_up_to_where_they_ended() -> None:
    """A pair of steps that too few trials share has no correlation; a single step cannot be compared."""
    trials = [made(curve={0: float(n), **({9: float(-n)} if n < 5 else {})}) for n in range(8)]
    agreement = agreement_of(trials)
    assert agreement is not None
    assert agreement.with_last() == [(0, -1.0)]
    assert agreement.trials == 5
    assert agreement_of([made(curve={0: float(n), n: 1.0}) for n in range(1, 5)]) is None


def test_a_long_curve_is_compared_at_few_steps() -> None:
    """The first and the last among them."""
    agreement = agreement_of([made(curve={step: float(step * n) for step in range(200)}) for n in range(6)])
    assert agreement is not None
    assert (agreement.steps[0], agreement.steps[-1]) == (0, 199)
    assert len(agreement.steps) <= 12
