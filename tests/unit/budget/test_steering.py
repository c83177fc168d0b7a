# SPDX-License-Identifier: MIT
"""What a user changes in a study that has begun."""

from collections.abc import Callable, Iterable

import optuna
import pytest
from optuna.trial import TrialState

from hyperopt_app.budget.counting import left_of, read_budget
from hyperopt_app.budget.set_aside import set_aside, set_aside_of
from hyperopt_app.budget.steering import add_point, discard, failed_trials, retry
from hyperopt_app.budget.ticket_issue import issue, keep_budget
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.objective.outcomes import Completed, Failed, Outcome
from hyperopt_app.study.records.trial_records import GROWS_BUDGET as EXTRA
from hyperopt_app.study.records.trial_records import POINT
from tests.unit._made_tickets import claimed, hand, study_with


def worked(n_trials: int, *outcomes: Outcome) -> optuna.Study:
    """A study in which a worker has told these outcomes, each with a parameter."""
    study = study_with(n_trials)
    keep_budget(study, n_trials)
    worker = hand(study, n_trials=n_trials)
    for outcome in outcomes:
        trial = claimed(worker)
        trial.suggest_float("x", 0, 1)
        assert worker.settle(trial, outcome)
    return study


def left(study: optuna.Study, n_trials: int) -> int:
    """How many trials of the budget have not ended."""
    return left_of(read_budget(study, n_trials), n_trials)


def test_a_retry_has_the_old_parameters_and_takes_the_old_trials_place() -> None:
    """Also those that the objective has suggested by itself; the budget stays what it was."""
    study = worked(2, Failed("oom", "e"), Completed((1.0,)))
    assert retry(study, [0]) == {0: 2}
    assert study.trials[2].system_attrs[POINT] == study.trials[0].params
    assert set_aside_of(study, study.trials) == {0: "tried again as trial 2"}
    assert left(study, 2) == 1
    assert claimed(hand(study, n_trials=2)).suggest_float("x", 0, 1) == study.trials[0].params["x"]


def test_a_retry_of_what_enlarged_the_budget_enlarges_it_too() -> None:
    """It stands outside as the first try did."""
    study = worked(1, Completed((1.0,)))
    assert add_point(study, {"x": 0.5}, hand(study, 8, 1), grows=True) == 1
    worker = hand(study, n_trials=1)
    assert worker.settle(claimed(worker), Failed("bug", "e"))
    assert retry(study, [1]) == {1: 2}
    assert EXTRA in study.trials[2].user_attrs
    assert left(study, 1) == 1


def test_a_trial_that_never_drew_a_parameter_is_tried_again_with_its_point_or_a_new_one() -> None:
    """What an enqueued point did not reach is not lost."""
    study = optuna.create_study()
    issue(study, 2, [{"x": 0.25}])
    worker = hand(study, n_trials=2)
    for _ in range(2):
        assert worker.settle(claimed(worker), Failed("bug", "e"))
    assert list(retry(study, [0, 1])) == [0, 1]
    assert [POINT in trial.system_attrs for trial in study.trials[2:]] == [True, False]


@pytest.mark.parametrize("step", [retry, discard])
def test_only_what_has_ended_and_counts_can_be_changed(
    step: Callable[[optuna.Study, Iterable[int]], object],
) -> None:
    """All faults are told at once, and nothing is changed."""
    study = worked(4, Completed((1.0,)), Completed((1.0,)))
    set_aside(study, [1], "for a reason")
    assert claimed(hand(study, n_trials=4)).number == 2
    with pytest.raises(StudyMismatchError) as caught:
        step(study, [0, 1, 2, 3, 9, -1])
    for text in ("trial 1: it no longer counts (for a reason)", "2: it is running", "3: it is waiting", "9: the study"):
        assert text in str(caught.value)
    assert "trials are 0 to 4" in str(caught.value)
    assert set_aside_of(study, study.trials) == {1: "for a reason"}


def test_a_retry_beyond_the_budget_is_refused() -> None:
    """No worker would take it."""
    study = worked(3, *[Completed((1.0,))] * 3)
    keep_budget(study, 2)
    with pytest.raises(StudyMismatchError, match="beyond the budget"):
        retry(study, [2])


def test_failed_trials_are_found_by_their_kind() -> None:
    """Without a kind it is all that count."""
    study = worked(4, Failed("oom", "e"), Failed("bug", "e"), Completed((1.0,)), Failed("oom", "e"))
    retry(study, [3])
    assert failed_trials(study, []) == [0, 1]
    assert failed_trials(study, ["oom", "timeout"]) == [0]


def test_a_discarded_trial_makes_room_for_another() -> None:
    """Its point is not tried again."""
    study = optuna.create_study()
    keep_budget(study, 1)
    issue(study, 1, [{"x": 0.25}])
    worker = hand(study, n_trials=1)
    assert worker.settle(claimed(worker), Completed((1.0,)))
    discard(study, [0])
    assert left(study, 1) == 1
    assert issue(study, 1, [{"x": 0.25}]) == 1
    assert POINT not in study.trials[1].system_attrs


def test_the_point_of_a_trial_that_is_as_if_it_had_never_run_is_tried_again() -> None:
    """Whether the command has it or the user has added it, and if the failed trial was itself a retry; once each."""
    study = optuna.create_study()
    keep_budget(study, 2)
    issue(study, 2, [{"x": 0.25}])
    add_point(study, {"x": 0.5}, hand(study, 8, 2), grows=False)
    worker = hand(study, n_trials=2)
    assert worker.settle(claimed(worker), Failed("bug", "e"))
    retry(study, [0])
    for _ in range(2):
        assert worker.settle(claimed(worker), Failed("bug", "e"))
    set_aside(study, [1, 2], "the code was wrong")
    assert issue(study, 2, [{"x": 0.25}]) == 2
    assert sorted(trial.system_attrs[POINT]["x"] for trial in study.trials[3:]) == [0.25, 0.5]
    assert issue(study, 2, [{"x": 0.25}]) == 0


def test_a_discarded_point_of_a_grid_is_tried_again() -> None:
    """There is no other point."""
    study = optuna.create_study()
    keep_budget(study, 1, listed=True)
    issue(study, 1, [{"x": 0.25}])
    worker = hand(study, n_trials=1)
    assert worker.settle(claimed(worker), Completed((1.0,)))
    discard(study, [0])
    again = claimed(worker)
    assert study.trials[again.number].system_attrs[POINT] == {"x": 0.25}


def test_a_point_is_carried_by_a_ticket_that_waits_and_comes_next() -> None:
    """Before tickets of lower numbers that have none."""
    study = worked(4, Completed((1.0,)))
    study.add_trial(optuna.trial.create_trial(state=TrialState.WAITING))
    assert add_point(study, {"x": 0.5}, hand(study, 8, 4), grows=False) == 1
    assert add_point(study, {"x": 0.75}, hand(study, 8, 4), grows=False) == 2
    assert retry(study, [0]) == {0: 5}
    worker = hand(study, n_trials=4)
    taken = [claimed(worker) for _ in range(4)]
    assert [trial.number for trial in taken] == [1, 2, 5, 3]
    assert [trial.suggest_float("x", 0, 1) for trial in taken[:2]] == [0.5, 0.75]


def test_a_point_gets_a_ticket_that_is_still_to_be_issued() -> None:
    """Of a large budget few wait."""
    study = worked(1, Completed((1.0,)))
    keep_budget(study, 2)
    assert add_point(study, {"x": 0.5}, hand(study, 8, 2), grows=False) == 1
    assert len(study.trials) == 2


def test_without_a_free_ticket_a_point_is_refused_or_enlarges_the_budget() -> None:
    """The refusal names the flag."""
    study = worked(1, Completed((1.0,)))
    with pytest.raises(StudyMismatchError, match=r"all 1 of the budget have started.*--grow"):
        add_point(study, {"x": 0.5}, hand(study, 8, 1), grows=False)
    assert add_point(study, {"x": 0.5}, hand(study, 8, 1), grows=True) == 1
    assert left(study, 1) == 1
    assert claimed(hand(study, n_trials=1)).number == 1
