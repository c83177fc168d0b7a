# SPDX-License-Identifier: MIT
"""What is wrong with `hydra.sweeper.repeats`."""

from typing import Any

import pytest

from hyperopt_app.repeats.aggregate import Aggregate
from hyperopt_app.repeats.settings import Repeats, read_repeats, repeat_faults

DEFAULTS = {"n": 1, "aggregate": "mean", "race": False}


@pytest.mark.parametrize(
    ("node", "repeats"),
    [
        ({}, None),
        (DEFAULTS, None),
        ({"n": 2}, Repeats(2, Aggregate())),
        ({"n": 100, "aggregate": "worst", "race": True}, Repeats(100, Aggregate("worst"), race=True)),
        ({"n": 5, "aggregate": {"quantile": 1}}, Repeats(5, Aggregate("quantile", 1.0))),
    ],
    ids=str,
)
def test_what_is_right(node: dict[str, Any], repeats: Repeats | None) -> None:
    """It is read as it stands; one repeat is none."""
    assert list(repeat_faults(node, 1)) == []
    assert read_repeats(node) == repeats


@pytest.mark.parametrize(
    ("node", "directions", "line"),
    [
        ({"n": 0}, 1, "repeats.n: 0 is not allowed; set a whole number from 2 to 100, or 1 to train"),
        ({"n": -3}, 1, "repeats.n: -3 is not allowed"),
        ({"n": 101}, 1, "repeats.n: 101 is not allowed"),
        ({"n": True}, 1, "repeats.n: True is not allowed"),
        ({"n": 5, "aggregate": "medien"}, 1, "repeats.aggregate: 'medien' is not allowed (did you mean median"),
        ({"n": 5, "aggregate": {"quantile": 90}}, 1, "repeats.aggregate: {'quantile': 90} is not allowed; set mean"),
        ({"n": 5, "aggregate": None}, 1, "repeats.aggregate: None is not allowed; set mean, median, worst, mean_plus"),
        ({"n": 5, "race": True}, 2, "repeats.race: configurations cannot be raced for 2 objectives"),
        ({"n": 1, "race": True}, 1, "repeats.race: with n=1 nothing can be raced"),
        ({"n": 5, "agregate": "mean"}, 1, "repeats.agregate: this is not a field of repeats (did you mean aggregate"),
    ],
    ids=str,
)
def test_what_is_wrong(node: dict[str, Any], directions: int, line: str) -> None:
    """One line with the key, what came, what is allowed."""
    (fault,) = repeat_faults({**DEFAULTS, **node}, directions)
    assert fault.startswith(f"hydra.sweeper.{line}")


def test_all_faults_come_at_once() -> None:
    """Whoever corrects them needs one try."""
    assert len(list(repeat_faults({"n": 500, "aggregate": "x", "race": True, "k": 1}, 2))) == 4
