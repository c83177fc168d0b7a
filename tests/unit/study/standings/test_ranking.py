# SPDX-License-Identifier: MIT
"""Which trial is better than another where the best is chosen by metrics in turn."""

from typing import Any

import optuna
from hypothesis import given
from hypothesis import strategies as st
from optuna.study import StudyDirection

from hyperopt_app.study.records.forms import OrderRecord
from hyperopt_app.study.standings.ranking import Ranking


def _trial(number: int, value: float, **metrics: float) -> optuna.trial.FrozenTrial:
    trial = optuna.trial.create_trial(value=value, user_attrs={"metrics": metrics} if metrics else {})
    trial.number = number
    return trial


def _ranking(*steps: tuple[str, str, float]) -> Ranking:
    order = [OrderRecord(metric=name, direction=way, tolerance=near) for name, way, near in steps]
    return Ranking([StudyDirection[steps[0][1].upper()]], order)


def _numbers(trials: Any) -> list[int]:
    return [trial.number for trial in trials]


FAST = _ranking(("loss", "minimize", 0.01), ("latency_ms", "minimize", 0.0))


def test_of_nearly_equal_trials_the_next_metric_decides() -> None:
    """Within the tolerance of the best, its end included; then come those near the best of the rest."""
    values = [(0.11, 40.0), (0.12, 30.0), (0.121, 5.0), (0.13, 4.0), (0.2, 1.0)]
    trials = [_trial(number, loss, loss=loss, latency_ms=ms) for number, (loss, ms) in enumerate(values)]
    assert _numbers(FAST.in_order(trials)) == [1, 0, 3, 2, 4]
    assert _numbers(FAST.best(trials)) == [1]
    assert _numbers(FAST.in_order(trials, 2)) == [1, 0]
    assert FAST.further(trials[1]) == {"latency_ms": 30.0}


def test_directions_count_in_each_turn() -> None:
    """Three metrics, of which two are maximised."""
    ranking = _ranking(("acc", "maximize", 0.1), ("ms", "minimize", 1.0), ("recall", "maximize", 0.0))
    values = [(0.9, 5.0, 0.1), (0.85, 5.5, 0.7), (0.81, 6.5, 0.9), (0.5, 1.0, 1.0)]
    trials = [_trial(number, acc, acc=acc, ms=ms, recall=r) for number, (acc, ms, r) in enumerate(values)]
    assert _numbers(ranking.in_order(trials)) == [1, 0, 2, 3]


def test_what_a_trial_lacks_comes_last() -> None:
    """As a trial of a table that has the first metric alone."""
    alone, whole = _trial(0, 0.1), _trial(1, 0.105, loss=0.105, latency_ms=9.0)
    assert _numbers(FAST.in_order([alone, whole])) == [1, 0]
    assert FAST.further(alone) == {}
    assert FAST.best([]) == []


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=30), st.floats(0, 1))
def test_the_best_is_within_the_tolerance_and_none_there_is_better(values: Any, near: float) -> None:
    """And an order is a permutation of the trials, of which the first ones stay the same however many are wanted."""
    ranking = _ranking(("a", "minimize", near), ("b", "minimize", 0.0))
    trials = [_trial(number, a, a=a, b=b) for number, (a, b) in enumerate(values)]
    ranked = ranking.in_order(trials)
    assert sorted(_numbers(ranked)) == _numbers(trials)
    assert _numbers(ranking.in_order(trials, 3)) == _numbers(ranked[:3])
    if trials:
        lowest = min(a for a, _ in values)
        number = ranked[0].number
        allowed = [b for a, b in values if a <= lowest + near]
        assert values[number][0] <= lowest + near * 1.001
        assert values[number][1] <= min(allowed)
