# SPDX-License-Identifier: MIT
"""How much a study has trained, in full trainings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState

from hyperopt_app.cost.trainings import trainings_of
from tests.unit._made_repeats import repeat_records
from tests.unit._made_trials import made

STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING, TrialState.WAITING)


def test_each_trial_counts_by_its_last_step() -> None:
    """Whatever has become of it; 0 to 9 are ten epochs, and the first of them is a tenth."""
    trials = [
        made(curve=dict.fromkeys(range(10), 1.0)),
        made(TrialState.PRUNED, [1.0], curve={0: 1.0}),
        made(TrialState.WAITING, curve=dict.fromkeys(range(3), 1.0)),
        made(TrialState.RUNNING, curve={0: 1.0, 4: 1.0}),
        made(TrialState.FAIL),
        made(TrialState.WAITING),
        made(curve=dict.fromkeys(range(40), 1.0), imported_from="elsewhere"),
    ]
    assert trainings_of(trials) == pytest.approx(1 + 0.1 + 0.3 + 0.5)


@pytest.mark.parametrize("gap", [1, 100])
def test_the_unit_of_the_steps_does_not_matter(gap: int) -> None:
    """Steps may be epochs from 1 on, or batches that are reported every hundred."""
    trials = [made(curve={gap * step: 1.0 for step in range(1, 9)}), made(TrialState.RUNNING, curve={gap: 1.0})]
    assert trainings_of(trials) == pytest.approx(1.125)


def test_without_reports_complete_trials_are_counted() -> None:
    """A trial that fails then has trained nobody knows how much; it counts 0."""
    assert trainings_of([made(), made(), made(TrialState.FAIL), made(TrialState.RUNNING)]) == 2.0


def test_before_a_trial_is_complete_nothing_is_known() -> None:
    """Of trials that were all ended early nobody knows how long a training would have been."""
    assert trainings_of([]) is None
    assert trainings_of([made(TrialState.PRUNED, [1.0], curve={3: 1.0}), made(TrialState.RUNNING)]) is None


def test_a_finished_repeat_is_a_whole_training() -> None:
    """Of a lost race those that were trained, and of a repeat under way or failed its share."""
    ten = dict.fromkeys(range(10), 1.0)
    trials = [
        made(curve=ten, **repeat_records([1.0], [2.0], [3.0], reports=10)),
        made(TrialState.PRUNED, [1.0], curve=ten, **repeat_records([9.0], reports=10)),
        made(TrialState.RUNNING, curve={0: 1.0, 4: 1.0}),
        made(TrialState.PRUNED, [1.0], curve={0: 1.0}),
        made(TrialState.RUNNING, curve=ten, **repeat_records([1.0], [1.0], reports=10)),
        made(TrialState.RUNNING, curve=ten, **repeat_records([1.0], reports=10), unfinished_repeat=_reached(1, 5)),
        made(TrialState.FAIL, curve=ten, **repeat_records([1.0], [1.0], reports=10), unfinished_repeat=_reached(2, 2)),
        made(TrialState.WAITING, curve=ten, **repeat_records([1.0], reports=10), unfinished_repeat=_reached(1, 0)),
    ]
    assert trainings_of(trials) == pytest.approx(3 + 1 + 0.5 + 0.1 + 2 + 1.6 + 2.3 + 1.1)


def test_what_a_finished_repeat_has_reported_on_its_way_counts_no_more() -> None:
    """Nor does it where the first repeats report nothing, so that nobody knows how long a training is."""
    ten = dict.fromkeys(range(10), 1.0)
    trial = made(curve=ten, **repeat_records([1.0], [1.0], reports=10), unfinished_repeat=_reached(1, 9))
    assert trainings_of([trial]) == 2.0
    silent = made(TrialState.RUNNING, curve={1: 1.0}, **repeat_records([1.0]), unfinished_repeat=_reached(1, 4))
    assert trainings_of([silent]) == 1.0


def _reached(repeat: int, step: int) -> dict[str, int]:
    return {"repeat": repeat, "step": step}


def test_the_aggregates_of_a_silent_objective_are_no_curve() -> None:
    """A race that is lost after one of three repeats is one training, not a third of one."""
    whole = made(curve={1: 1.0, 2: 1.0, 3: 1.0}, **repeat_records([1.0], [1.0], [1.0]))
    lost = made(TrialState.PRUNED, [9.0], curve={1: 9.0}, **repeat_records([9.0]))
    assert trainings_of([whole, lost, made(TrialState.RUNNING)]) == 4.0
    assert trainings_of([lost]) == 1.0


@given(st.lists(st.tuples(st.sampled_from(STATES), st.integers(0, 12)), max_size=8), st.integers(1, 12))
def test_the_sum_agrees_with_a_count_of_epochs(others: list[tuple[TrialState, int]], longest: int) -> None:
    """With a report of each epoch, a training is as many epochs as the longest trial has."""
    made_trials = [(TrialState.COMPLETE, longest), *others]
    trials = [
        made(state, [1.0] if state in STATES[:2] else None, curve=dict.fromkeys(range(1, 1 + epochs), 1.0))
        for state, epochs in made_trials
        if epochs or state != TrialState.COMPLETE
    ]
    epochs = [count for _, count in made_trials]
    assert trainings_of(trials) == pytest.approx(sum(epochs) / max(epochs))
