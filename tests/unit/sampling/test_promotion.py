# SPDX-License-Identifier: MIT
"""The rule of the pruner `promote`: which rung a trial has reached, and who goes on from there."""

import math
from collections.abc import Mapping, Sequence

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.sampling.promotion import PromotePruner
from tests.unit._made_trials import made

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
VALUES = st.sampled_from([0.0, 0.1, 0.2, 0.3, math.inf, -math.inf, math.nan])
CURVES = st.lists(VALUES, max_size=12).map(lambda values: dict(enumerate(values, 1)))
STATES = st.sampled_from(list(TrialState))


def _trials(drawn: Sequence[tuple[TrialState, Mapping[int, float]]]) -> list[FrozenTrial]:
    return [
        made(state, [1.0] if state in ENDED else None, number=number, curve=curve)
        for number, (state, curve) in enumerate(drawn)
    ]


def _reference(trials: Sequence[FrozenTrial], step: int, factor: int, *, maximize: bool, least: int) -> list[int]:
    """The rule by counting: who is beaten by fewer trials than go on, among those that have come as far."""
    there = {
        trial.number: value
        for trial in trials
        if trial.state != TrialState.FAIL and (value := trial.intermediate_values.get(step)) is not None
    }

    def beats(other: int, number: int) -> bool:
        mine, its = there[number], there[other]
        if math.isnan(mine) or math.isnan(its) or mine == its:
            return (math.isnan(mine) and not math.isnan(its)) or (repr(mine) == repr(its) and other < number)
        return (its > mine) == maximize

    most = max(len(there) // factor, least)
    beaten = {number: sum(beats(other, number) for other in there) for number in there}
    return sorted((n for n in there if beaten[n] < most and not math.isnan(there[n])), key=lambda n: beaten[n])


@given(st.lists(st.tuples(STATES, CURVES), max_size=9), st.integers(2, 4), st.booleans(), st.booleans())
def test_the_best_of_a_rung_go_on(
    drawn: Sequence[tuple[TrialState, Mapping[int, float]]], factor: int, maximize: bool, at_least_one: bool
) -> None:
    """With a report of each epoch, the rungs are the epochs 1, f, f * f, ..., and the rule is that of a count."""
    trials, rule = _trials(drawn), PromotePruner(factor)
    for rung in range(3):
        got = rule.going_on(trials, rung, maximize=maximize, at_least_one=at_least_one)
        assert got == _reference(trials, factor**rung, factor, maximize=maximize, least=int(at_least_one))


@given(
    st.lists(st.tuples(STATES, CURVES), max_size=9),
    st.sampled_from([0.05, 0.15, 0.35]),
    st.booleans(),
    st.integers(0, 9),
)
def test_one_more_trial_at_a_rung_lets_at_most_one_trial_go_on(
    drawn: Sequence[tuple[TrialState, Mapping[int, float]]], value: float, at_least_one: bool, place: int
) -> None:
    """Either that trial itself, or one that waits while it has to wait: so its own worker is the one that is needed."""
    rule = PromotePruner(3)
    before = _trials([*drawn, (TrialState.RUNNING, {1: 0.0, 2: 0.0})])
    fresh = before[-1].number
    after = [*before[:-1], made(TrialState.RUNNING, number=fresh, curve={1: 0.0, 2: 0.0, 3: value})]
    arguments = {"maximize": False, "at_least_one": at_least_one}
    had = rule.going_on(before, 1, **arguments)
    now = rule.going_on(after, 1, **arguments)
    others = set(now) - set(had) - {fresh}
    assert len(others) <= (fresh not in now)


@pytest.mark.parametrize(
    ("curve", "passed", "rung"),
    [
        ({1: 0.1, 2: 0.1}, -1, None),
        ({1: 0.1, 2: 0.1, 3: 0.1}, -1, 1),
        ({1: 0.1, 3: 0.1}, 1, None),
        ({1: 0.1, 8: 0.1}, 0, 1),
        ({1: 0.1, 9: 0.1}, 1, 2),
        ({1: 0.1, 10: 0.1}, -1, None),
        ({}, -1, None),
    ],
    ids=["too short", "at the first", "passed", "late", "at the second", "at its end", "silent"],
)
def test_a_trial_waits_at_each_rung_once(curve: dict[int, float], passed: int, rung: int | None) -> None:
    """Not before the first, not again after it was promoted, and not where nothing is left to train."""
    rule = PromotePruner()
    trial = made(TrialState.RUNNING, number=1, curve=curve)
    trials = [made(number=0, curve=dict.fromkeys(range(1, 11), 0.1)), trial]
    assert rule.rung_of(trials, trial, passed) == rung
    assert rule.may_be_at_a_rung(trial, passed) or rung is None


def test_nothing_ends_at_a_report_where_trials_have_checkpoints() -> None:
    """A trial waits instead; without checkpoints the pruner is `forecast`, which asks for a rung first."""
    study = optuna.create_study(direction="maximize")
    rule = PromotePruner(first_rung=0)
    study.add_trials([made(params={"x": 0.5}, curve=dict.fromkeys(range(1, 9), 0.9)) for _ in range(4)])
    trial = study.ask()
    trial.suggest_float("x", -1e9, 1e9)
    trial.report(-math.inf, 1)
    frozen = study.get_trials()[-1]
    assert rule.prune(study, frozen)
    rule.has_checkpoints = True
    assert not rule.prune(study, frozen)


@pytest.mark.parametrize("fields", [{"reduction_factor": 1}, {"first_rung": -1}, {"caution": -0.5}])
def test_a_number_out_of_its_range_is_refused(fields: dict[str, float]) -> None:
    """With the field and what is allowed."""
    with pytest.raises(ValueError, match=next(iter(fields))):
        PromotePruner(**fields)  # type: ignore[arg-type]
