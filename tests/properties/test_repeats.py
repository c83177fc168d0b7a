# SPDX-License-Identifier: MIT
"""Laws of aggregates and of the race."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.study import StudyDirection
from optuna.trial import TrialState

from hyperopt_app.repeats.aggregate import WORDS, Aggregate, spread
from hyperopt_app.repeats.contest import lost_race
from hyperopt_app.repeats.racing import Noise, chance_of_luck
from hyperopt_app.repeats.settings import Repeats
from hyperopt_app.repeats.student import student_tail
from tests.unit._made_repeats import repeated

NUMBERS = st.floats(-1e6, 1e6)
VALUES = st.lists(NUMBERS, min_size=1, max_size=12)
AGGREGATES = st.one_of(
    st.sampled_from(WORDS).map(Aggregate), st.floats(0, 1).map(lambda share: Aggregate("quantile", share))
)
N = 4


@given(AGGREGATES, VALUES, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_the_repeats_does_not_matter(
    aggregate: Aggregate, values: list[float], maximize: bool, random: object
) -> None:
    """To the last bit: a resumed trial has the value of an uninterrupted one."""
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert aggregate.of(shuffled, maximize=maximize) == aggregate.of(values, maximize=maximize)


@given(AGGREGATES, VALUES, st.booleans())
def test_the_aggregate_lies_among_the_values(aggregate: Aggregate, values: list[float], maximize: bool) -> None:
    """All but the mean with the deviation, which is never better than the mean; of equal values it is that value."""
    value, mean = (each.of(values, maximize=maximize) for each in (aggregate, Aggregate("mean")))
    if aggregate.word != "mean_plus_std":
        assert min(values) <= value <= max(values)
    else:
        assert value <= mean if maximize else value >= mean
    assert aggregate.of([values[0]] * len(values), maximize=maximize) == values[0]


@given(AGGREGATES, VALUES, st.booleans())
def test_the_directions_mirror_each_other(aggregate: Aggregate, values: list[float], maximize: bool) -> None:
    """A maximised score is a minimised loss with the other sign."""
    mirrored = aggregate.of([-value for value in values], maximize=not maximize)
    assert mirrored == pytest.approx(-aggregate.of(values, maximize=maximize), rel=1e-9, abs=1e-9)


@given(AGGREGATES, st.lists(st.tuples(NUMBERS, st.floats(0, 1e3)), min_size=1, max_size=8), st.booleans())
def test_an_aggregate_but_for_the_deviation_never_prefers_what_is_worse_everywhere(
    aggregate: Aggregate, pairs: list[tuple[float, float]], maximize: bool
) -> None:
    """A larger spread can outweigh a better mean; nothing else turns the order of the repeats round."""
    if aggregate.word == "mean_plus_std":
        aggregate = Aggregate("mean")
    sign = -1.0 if maximize else 1.0
    good = [value for value, _ in pairs]
    bad = [value + sign * more for value, more in pairs]
    losses = [sign * aggregate.of(values, maximize=maximize) for values in (good, bad)]
    assert losses[0] <= losses[1] or math.isclose(*losses, rel_tol=1e-9, abs_tol=1e-6)


@given(VALUES)
def test_the_spread_is_not_negative(values: list[float]) -> None:
    """And zero where all are equal."""
    assert spread(values) >= 0
    assert spread([values[0]] * len(values)) == 0


@given(st.floats(-50, 50), st.floats(0, 10), st.integers(1, 200))
def test_the_tail_falls_and_is_symmetric(t: float, more: float, freedom: int) -> None:
    """It is a probability."""
    tail = student_tail(t, freedom)
    assert 0 <= tail <= 1
    assert student_tail(t + more, freedom) <= tail + 1e-12
    assert student_tail(-t, freedom) == pytest.approx(1 - tail, abs=1e-12)


STUDIES = st.lists(st.lists(NUMBERS, min_size=1, max_size=N), min_size=3, max_size=8)


@given(STUDIES, st.lists(st.floats(0, 1e6), min_size=1, max_size=N - 1), st.booleans())
def test_what_equals_or_beats_the_incumbent_on_every_seed_is_never_ended(
    study: list[list[float]], better: list[float], maximize: bool
) -> None:
    """Whatever the noise of the others, and whatever is optimised."""
    trials = [repeated(number, *values, n=N) for number, values in enumerate(study)]
    direction = StudyDirection.MAXIMIZE if maximize else StudyDirection.MINIMIZE
    sign = 1.0 if maximize else -1.0
    whole = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not whole:
        return
    best = max(whole, key=lambda trial: sign * trial.values[0])
    incumbent = study[best.number][: len(better)]
    values = [value + sign * more for value, more in zip(incumbent, better, strict=True)]
    for word in ("mean", "median", "worst", "mean_plus_std"):
        assert lost_race(99, values, trials, direction, Repeats(N, Aggregate(word), race=True)) is None


@given(STUDIES, st.lists(NUMBERS, min_size=1, max_size=N - 1))
def test_both_directions_end_the_same_configurations(study: list[list[float]], values: list[float]) -> None:
    """A race of scores is that of losses with the other sign."""
    repeats = Repeats(N, Aggregate(), race=True)
    losses = [repeated(number, *each, n=N) for number, each in enumerate(study)]
    scores = [repeated(number, *(-value for value in each), n=N) for number, each in enumerate(study)]
    as_loss = lost_race(99, values, losses, StudyDirection.MINIMIZE, repeats)
    as_score = lost_race(99, [-value for value in values], scores, StudyDirection.MAXIMIZE, repeats)
    assert (as_loss is None) == (as_score is None)


@given(VALUES, st.floats(0, 1e3), st.floats(0.01, 10), st.integers(4, 60))
def test_a_larger_loss_is_no_likelier(values: list[float], more: float, deviation: float, freedom: int) -> None:
    """Whoever is worse by the same amount on each seed has the smaller chance of being merely unlucky."""
    noise, incumbent = Noise(deviation**2, freedom), [0.0] * len(values)
    chance = chance_of_luck(values, incumbent, noise, maximize=False)
    worse = chance_of_luck([value + more for value in values], incumbent, noise, maximize=False)
    assert worse <= chance + 1e-9
