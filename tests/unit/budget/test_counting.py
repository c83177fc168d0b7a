# SPDX-License-Identifier: MIT
"""Which trials are the budget."""

from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget.counting import budget_size, budget_trials, counting, left_of, read_budget
from hyperopt_app.budget.set_aside import set_aside, set_aside_of
from hyperopt_app.budget.ticket_issue import issue
from hyperopt_app.objective.outcomes import Completed
from hyperopt_app.study.records.trial_records import GROWS_BUDGET as EXTRA
from hyperopt_app.study.records.trial_records import RETRY_OF
from tests.unit._made_tickets import claimed, hand, study_with


def trial(number: int, **user_attrs: Any) -> FrozenTrial:
    """A waiting trial."""
    made = optuna.trial.create_trial(state=TrialState.WAITING, user_attrs=user_attrs)
    made.number = number
    return made


def chosen(trials: list[FrozenTrial], aside: tuple[int, ...], n_trials: int) -> list[int]:
    """The numbers of the budget's trials."""
    return [one.number for one in budget_trials(trials, aside, n_trials)]


def test_the_first_trials_are_the_budget() -> None:
    """Where nothing is set aside it is the numbers 0 to n-1."""
    assert chosen([trial(number) for number in range(4)], (), 3) == [0, 1, 2]


def test_a_trial_that_is_set_aside_leaves_its_place() -> None:
    """The next one steps in."""
    assert chosen([trial(number) for number in range(4)], (1,), 3) == [0, 2, 3]


def test_a_retry_has_the_place_of_the_trial_that_it_tries_again() -> None:
    """Also before tickets that wait beyond the budget, and also the retry of a retry."""
    trials = [*map(trial, range(4)), trial(4, retry_of=0), trial(5, retry_of=4)]
    aside = set_aside_of(optuna.create_study(), trials)
    assert sorted(aside) == [0, 4]
    assert chosen(trials, tuple(aside), 2) == [1, 5]


def test_a_trial_that_enlarges_the_budget_stands_outside() -> None:
    """It is of every budget, and adds one; one that is set aside adds none."""
    trials = [*map(trial, range(3)), trial(3, grows_budget=True)]
    assert EXTRA == "grows_budget"
    assert RETRY_OF == "retry_of"
    assert chosen(trials, (), 2) == [0, 1, 3]
    assert budget_size(budget_trials(trials, (), 2), 2) == left_of(budget_trials(trials, (), 2), 2) == 3
    assert [len(part) for part in counting(trials, (3,))] == [3, 0]
    assert budget_size(budget_trials(trials, (3,), 2), 2) == 2


def test_what_an_objective_keeps_under_the_same_name_is_no_retry() -> None:
    """A text, or the number of a later trial, sets nothing aside."""
    trials = [trial(0, retry_of="yes"), trial(1, retry_of=7), trial(2, retry_of=None)]
    assert set_aside_of(optuna.create_study(), trials) == {}


def test_a_worker_goes_on_with_a_ticket_for_each_trial_that_is_set_aside() -> None:
    """At its next claim; none is left over, none is missing."""
    study = study_with(2)
    worker = hand(study, n_trials=2)
    for _ in range(2):
        assert worker.settle(claimed(worker), Completed((0.0,)))
    assert worker.claim(lambda _number: optuna.samplers.RandomSampler()) is None
    set_aside(study, [0], "for a reason")
    assert left_of(read_budget(study, 2), 2) == 1
    assert worker.settle(claimed(worker), Completed((0.0,)))
    assert worker.claim(lambda _number: optuna.samplers.RandomSampler()) is None
    assert [one.number for one in read_budget(study, 2)] == [1, 2]
    assert issue(study, 2) == 0
