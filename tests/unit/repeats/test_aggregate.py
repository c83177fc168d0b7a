# SPDX-License-Identifier: MIT
"""One value of several repeats."""

import pytest

from hyperopt_app.repeats.aggregate import WORDS, Aggregate, spread

VALUES = [4.0, 1.0, 2.0, 10.0, 3.0]


@pytest.mark.parametrize(
    ("asked", "minimized", "maximized"),
    [
        ("mean", 4.0, 4.0),
        ("median", 3.0, 3.0),
        ("worst", 10.0, 1.0),
        ("mean_plus_std", 4.0 + 12.5**0.5, 4.0 - 12.5**0.5),
        ({"quantile": 0.75}, 4.0, 2.0),
        ({"quantile": 0}, 1.0, 10.0),
        ({"quantile": 1.0}, 10.0, 1.0),
        ({"quantile": 0.875}, 7.0, 1.5),
    ],
    ids=str,
)
def test_each_aggregate_by_hand(asked: object, minimized: float, maximized: float) -> None:
    """What looks at the bad repeats looks at the large ones of a loss and the small ones of a score."""
    aggregate = Aggregate.read(asked)
    assert aggregate.of(VALUES, maximize=False) == pytest.approx(minimized)
    assert aggregate.of(VALUES, maximize=True) == pytest.approx(maximized)


@pytest.mark.parametrize("word", WORDS)
def test_the_words_are_known(word: str) -> None:
    """Each of them, and a quantile with a share."""
    assert Aggregate.is_known(word)
    assert str(Aggregate.read(word)) == word
    assert str(Aggregate.read({"quantile": 0.9})) == "quantile 0.9"


@pytest.mark.parametrize(
    "value",
    [
        *("Mean", "", None, 3, ["mean"], {}),
        *({"quantile": share} for share in (1.5, -0.1, "0.9", True, None, float("nan"))),
        {"quantil": 0.9},
        {"quantile": 0.9, "mean": 1},
    ],
    ids=str,
)
def test_anything_else_is_not(value: object) -> None:
    """Neither other words, nor a quantile that is no share."""
    assert not Aggregate.is_known(value)


def test_the_spread_is_that_of_a_sample() -> None:
    """With n - 1 in its denominator; a single repeat has none."""
    assert spread(VALUES) == pytest.approx(12.5**0.5)
    assert spread([3.0]) == 0.0
