# SPDX-License-Identifier: MIT
"""A verdict on the code: which trials count no longer, who sees to it, and what is told."""

from collections.abc import Callable

import optuna
import pytest

from hyperopt_app.budget.counting import left_of, read_budget
from hyperopt_app.budget.set_aside import set_aside_of
from hyperopt_app.budget.steering import add_point, retry
from hyperopt_app.budget.ticket_issue import issue
from hyperopt_app.budget.untried import is_untried
from hyperopt_app.budget.verdict import begin_run, close_run, judge, judge_last_run, verdict_on, words_of
from hyperopt_app.objective.outcomes import Completed, Failed, Outcome, Pruned
from hyperopt_app.study.records.trial_records import POINT
from hyperopt_app.study.stopping import Limits, Stop, read_stop, write_stop
from tests.unit._made_tickets import claimed, hand, study_with

TYPO = Failed("bug", "NameError: typo")
OTHER = Failed("bug", "KeyError: other")
OOM = Failed("oom", "no memory")
DONE = Completed((1.0,))
NEVER = Limits(max_consecutive_failures=None, max_failure_rate=1.0)


def _end(study: optuna.Study, *outcomes: Outcome, worker: int = 0, n_trials: int | None = None) -> None:
    """Let the next tickets end so."""
    tickets = hand(study, worker, n_trials)
    for outcome in outcomes:
        tickets.settle(claimed(tickets), outcome)


def _judge(
    study: optuna.Study, ended_before: frozenset[int] = frozenset(), limits: Limits | None = None, **more: object
) -> Stop | None:
    trials = hand(study, n_trials=len(study.get_trials())).trials()
    return judge(study, trials, ended_before, limits or Limits(), 0.0, **more)  # type: ignore[arg-type]


def _aside(study: optuna.Study) -> list[int]:
    return sorted(set_aside_of(study, study.get_trials()))


@pytest.fixture
def study() -> optuna.Study:
    """Eight tickets, in the first run."""
    study = study_with(8)
    study.set_user_attr("n_trials", 8)
    assert begin_run(study, (), Limits()) == 1
    return study


def test_three_equal_failures_count_no_longer(study: optuna.Study) -> None:
    """The stop is written, and all of the three are set aside; two were none."""
    _end(study, TYPO, TYPO)
    assert _judge(study, run=1) is None
    _end(study, TYPO)
    stop = _judge(study, run=1)
    assert stop == read_stop(study)
    assert stop == Stop("the first 3 trials of this run failed in the same way: NameError: typo", is_fault=True)
    assert _aside(study) == [0, 1, 2]


def test_what_ends_later_in_the_same_way_counts_no_longer_either(study: optuna.Study) -> None:
    """By whoever looks next; a trial that completes late, or fails otherwise, counts."""
    tickets = [hand(study, number) for number in range(6)]
    running = [claimed(one) for one in tickets]
    for number in (0, 1, 2):
        tickets[number].settle(running[number], TYPO)
    _judge(study, run=1)
    for number, outcome in ((3, TYPO), (4, DONE), (5, OTHER)):
        tickets[number].settle(running[number], outcome)
    assert _aside(study) == [0, 1, 2]
    assert _judge(study, run=1) is not None
    assert _aside(study) == [0, 1, 2, 3]


def test_trials_of_an_earlier_run_are_left_alone(study: optuna.Study) -> None:
    """Though they failed in the same way: only the run that is judged is meant."""
    _end(study, TYPO, DONE)
    before = frozenset({0, 1})
    assert begin_run(study, before, Limits()) == 2
    _end(study, TYPO, TYPO, TYPO)
    assert _judge(study, before, run=2) is not None
    assert _aside(study) == [2, 3, 4]


@pytest.mark.parametrize(
    ("outcomes", "is_verdict"),
    [
        ([TYPO], True),
        ([TYPO, TYPO], True),
        ([TYPO, OTHER], False),
        ([OOM], False),
        ([TYPO, DONE], False),
        ([Pruned(), TYPO], False),
    ],
    ids=["one", "two", "different ones", "no memory", "one success", "one was pruned"],
)
def test_a_study_that_is_over_is_judged_by_fewer(outcomes: list[Outcome], is_verdict: bool) -> None:
    """If all that ran failed by one bug: only then is it the code, and the study not dead."""
    study = study_with(len(outcomes))
    begin_run(study, (), Limits())
    _end(study, *outcomes)
    assert _judge(study, run=1) is None
    stop = _judge(study, run=1, is_over=True)
    assert (stop is not None) is is_verdict
    assert _aside(study) == (list(range(len(outcomes))) if is_verdict else [])


def test_a_last_trial_that_fails_beside_good_ones_counts() -> None:
    """A run of one trial is not a verdict where an earlier run has shown that the code works."""
    study = study_with(2)
    _end(study, DONE, TYPO)
    begin_run(study, {0}, Limits())
    assert _judge(study, frozenset({0}), run=1, is_over=True) is None


def test_strict_limits_that_stop_sooner_are_a_verdict_too(study: optuna.Study) -> None:
    """With a rate of 0, the stock sweeper's, the first failure stops: the typo is not to cost that trial."""
    _end(study, TYPO)
    stop = _judge(study, limits=Limits(max_failure_rate=0.0), run=1)
    assert stop is not None
    assert "max_failure_rate=0 allows" in stop.reason
    assert _aside(study) == [0]


def test_where_nothing_stops_for_failures_nothing_is_judged(study: optuna.Study) -> None:
    """Neither in the run nor by the next command."""
    begin_run(study, (), NEVER)
    _end(study, *[TYPO] * 8)
    assert _judge(study, limits=NEVER, run=2, is_over=True) is None
    assert close_run(study) == ""
    assert _aside(study) == []


def test_the_next_command_does_what_a_killed_one_has_left_undone(study: optuna.Study) -> None:
    """No worker and no driver lived to see the third failure; it is told once."""
    _end(study, TYPO, TYPO, TYPO)
    assert judge_last_run(study) is not None
    assert _aside(study) == []
    assert close_run(study) == "3 trials of the last run failed in the same way and no longer count: NameError: typo"
    assert _aside(study) == [0, 1, 2]
    assert close_run(study) == ""


def test_a_verdict_stops_its_run_also_when_its_giver_was_killed_before_the_stop(study: optuna.Study) -> None:
    """Others go on failing in another way: that is no second verdict on the same code."""
    _end(study, TYPO, TYPO, TYPO)
    _judge(study, run=1)
    write_stop(study, None)
    _end(study, OTHER, OTHER, OTHER)
    stop = _judge(study, run=1)
    assert stop == Stop("the first trials of this run failed in the same way: NameError: typo", is_fault=True)
    assert _aside(study) == [0, 1, 2]


def test_a_run_that_was_ended_after_two_failures_is_not_judged(study: optuna.Study) -> None:
    """By Ctrl-C, say: two are no verdict as long as trials are left."""
    _end(study, TYPO, TYPO)
    assert close_run(study) == ""
    assert _aside(study) == []


def test_a_worker_of_a_judged_run_leaves_after_its_own_failure(study: optuna.Study) -> None:
    """A later command has taken the stop back; who has run a trial of the verdict has the old code still."""
    late = hand(study, 1)
    trial = claimed(late)
    _end(study, TYPO, TYPO, TYPO)
    _judge(study, run=1)
    write_stop(study, None)
    begin_run(study, {1, 2, 3}, Limits())
    assert _judge(study, run=1, worker="worker-1") is None  # it may have started after the correction
    late.settle(trial, TYPO)
    stop = _judge(study, run=1, worker="worker-1")
    assert stop is not None
    assert "this worker's code was wrong" in stop.reason
    assert read_stop(study) is None
    assert _aside(study) == [0, 1, 2, 3]


def test_a_failure_of_a_later_run_is_not_meant(study: optuna.Study) -> None:
    """Its code is another one: a worker that is left of the run before sets aside what it has run itself."""
    _end(study, TYPO, TYPO, TYPO)
    _judge(study, run=1)
    write_stop(study, None)
    begin_run(study, {0, 1, 2}, Limits())
    _end(study, DONE, TYPO, worker=2)
    _judge(study, run=1, worker="worker-1")
    assert _judge(study, frozenset({0, 1, 2}), run=2, worker="worker-2") is None
    assert close_run(study) == ""
    assert _aside(study) == [0, 1, 2]


def test_workers_with_the_search_of_before_leave(study: optuna.Study) -> None:
    """A command that has corrected the search: those of it go on."""
    begin_run(study, (), Limits(), has_new_search=True)
    stop = _judge(study, run=1)
    assert stop is not None
    assert "corrected the search" in stop.reason
    assert _judge(study, run=2) is None
    begin_run(study, (), Limits())
    assert _judge(study, run=1) is not None
    assert _judge(study, run=2) is None


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "It no longer counts: fix it, then the same command goes on (8 of 8 trials are left)."),
        (3, "They no longer count: fix it, then the same command goes on (8 of 8 trials are left)."),
        (5, "All 5 such failures no longer count: fix it, then the same command goes on (8 of 8 trials are left)."),
    ],
)
def test_what_is_told_of_a_verdict(count: int, words: str, study: optuna.Study) -> None:
    """How many count no longer, that the same command goes on, and with how many trials."""
    _end(study, *[TYPO] * count)
    _judge(study, run=1, is_over=True)
    verdict = verdict_on(study)
    assert verdict is not None
    assert words_of(study, verdict, "the same command", 8, 8) == words


def _waits_with(study: optuna.Study, **point: float) -> None:
    study.enqueue_trial(point)


def _runs(study: optuna.Study) -> None:
    claimed(hand(study, 3))


def _has_begun(study: optuna.Study) -> None:
    tickets = hand(study, 3)
    trial = claimed(tickets)
    trial.suggest_float("x", 0, 1)
    tickets.give_back(trial)


@pytest.mark.parametrize(
    ("change", "untried"),
    [
        (lambda _study: None, True),
        (lambda study: _waits_with(study, x=1.0), True),
        (lambda study: _waits_with(study, x=7.0), False),
        (_runs, False),
        (_has_begun, False),
        (lambda study: _end(study, OTHER), False),
        (lambda study: _end(study, DONE), False),
    ],
    ids=["nothing else", "a point that fits", "a point that does not", "one runs", "one has begun", "failed", "done"],
)
@pytest.mark.parametrize("is_carried_out", [True, False])
def test_a_search_is_untried_while_nothing_but_the_verdict_has_happened(
    is_carried_out: bool, change: Callable[[optuna.Study], None], untried: bool, study: optuna.Study
) -> None:
    """Whether or not somebody lived to carry the verdict out."""
    _end(study, TYPO, TYPO, TYPO)
    if is_carried_out:
        _judge(study, run=1)
    before = study.user_attrs
    change(study)
    assert is_untried(study, lambda point: point["x"] < 5) is untried
    assert study.user_attrs == before


def test_a_study_that_has_only_been_made_is_another_commands(study: optuna.Study) -> None:
    """Its workers may be on their way: no verdict, no other search."""
    assert not is_untried(study, lambda _point: True)


def test_what_the_user_asked_for_is_tried_again_after_a_verdict() -> None:
    """A retry keeps its point and its place, and what `add --grow` has added its point and the growth; once each."""
    study = study_with(2)
    study.set_user_attr("n_trials", 2)
    begin_run(study, (), Limits())
    _end(study, DONE, OOM)
    retry(study, [1])
    add_point(study, {"x": 0.5}, hand(study, 8, 2), grows=True)
    add_point(study, {"x": 0.7}, hand(study, 8, 2), grows=True)
    assert begin_run(study, (0, 1), Limits()) == 2
    tickets = hand(study, n_trials=2)
    for _ in range(3):
        tickets.settle(claimed(tickets), TYPO)
    assert _judge(study, frozenset({0, 1}), run=2) is not None
    assert _aside(study) == [1, 2, 3, 4]
    assert issue(study, 2) == 3
    assert issue(study, 2) == 0
    budget = read_budget(study, 2)
    assert left_of(budget, 2) == 3
    assert [trial.number for trial in budget] == [0, 5, 6, 7]
    assert [trial.system_attrs.get(POINT) for trial in budget[1:]] == [None, {"x": 0.5}, {"x": 0.7}]


def test_points_that_fail_as_before_are_no_verdict_on_the_code() -> None:
    """Three that are tried again and fail in the same way, in a study in which others complete."""
    study = study_with(4)
    study.set_user_attr("n_trials", 4)
    begin_run(study, (), Limits())
    _end(study, DONE, TYPO, TYPO, TYPO)
    assert _judge(study, run=1) is None
    retry(study, [1, 2, 3])
    begin_run(study, (0, 1, 2, 3), Limits())
    tickets = hand(study, n_trials=4)
    for _ in range(3):
        tickets.settle(claimed(tickets), TYPO)
    assert _judge(study, frozenset({0, 1, 2, 3}), run=2, is_over=True) is None
    assert judge_last_run(study) is None
    assert _aside(study) == [1, 2, 3]
