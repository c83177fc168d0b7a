# SPDX-License-Identifier: MIT
"""A worker's loop over tickets: when it goes on, when it stops, and what it leaves in the study."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.errors import HyperoptError, MetricError, StorageError
from hyperopt_app.objective.outcomes import Completed, Failed, Lost
from hyperopt_app.results.files import ThrottledResults
from hyperopt_app.study.stopping import Failure, Limits, Stop, failures_since, read_stop, write_stop
from hyperopt_app.worker.interrupts import Interrupts
from hyperopt_app.worker.loop import Tally, Worker
from tests.unit._made_tickets import Told, claimed, hand, numbers, sampler, study_with
from tests.unit._made_trials import made
from tests.unit._made_workers import EndAsked, Evaluating
from tests.unit.budget._made_parking import parking_study, trained, words

DONE = Completed((1.0,))


def _worker(study: optuna.Study, run: Callable[[optuna.Trial], Any] | None = None, **changes: Any) -> Worker:
    plain: dict[str, Any] = {
        "tickets": hand(study),
        "limits": Limits(),
        "ended_before": frozenset(),
        "sampler_of": sampler,
        "evaluation": Evaluating(run or (lambda _trial: DONE)),
        "results": _results(changes.pop("after_trial", lambda: None)),
        "interrupts": EndAsked(changes.pop("asked_to_end", lambda: False)),
        "clock": lambda: 0.0,
    }
    return Worker(**{**plain, **changes})


def _results(after_trial: Callable[[], object]) -> ThrottledResults:
    """Result files that are written after each trial."""

    def write() -> None:
        after_trial()

    return ThrottledResults(write, interval_s=0.0, clock=lambda: 0.0)


def test_a_worker_works_until_the_budget_is_spent() -> None:
    """It tells every trial, says which they were, and reports after each of them."""
    study, reports = study_with(3), iter(range(10))
    tally = _worker(study, after_trial=lambda: next(reports)).work()
    assert tally == Tally(0, finished=[0, 1, 2])
    assert next(reports) == 3
    assert numbers(study, TrialState.COMPLETE) == [0, 1, 2]
    assert read_stop(study) is None


def test_a_finished_study_gives_a_worker_nothing_to_do() -> None:
    """It ends at once; nothing is reported."""
    study = study_with(1)
    _worker(study).work()
    assert _worker(study, lambda _trial: pytest.fail("a trial was run")).work() == Tally(0)


def test_failed_and_pruned_trials_count() -> None:
    """The budget is one of finished trials, however they ended."""

    def run(trial: optuna.Trial) -> Completed | Failed:
        if trial.number == 0:
            raise optuna.TrialPruned
        if trial.number == 1:
            raise ValueError("no")
        return DONE

    study = study_with(3)
    assert _worker(study, run).work().finished == [0, 1, 2]
    assert [trial.state.name for trial in study.get_trials()] == ["PRUNED", "FAIL", "COMPLETE"]


def test_a_trial_that_is_lost_for_the_last_time_is_written_at_once() -> None:
    """As failed, and not only when another trial ends."""
    study = study_with(1)
    written = list[str]()

    def after_trial() -> None:
        written.append(study.get_trials()[0].state.name)

    tally = _worker(study, lambda _trial: Lost("killed from outside"), after_trial=after_trial).work()
    assert tally == Tally(0)
    assert written == ["WAITING", "WAITING", "FAIL"]


def test_an_interrupted_worker_gives_its_ticket_back_and_ends() -> None:
    """The next worker continues that very trial."""

    told: list[bool] = []

    def run(trial: optuna.Trial) -> Completed:
        if trial.number == 1:
            trial.suggest_float("x", 0, 1)
            told.append(True)
            raise KeyboardInterrupt
        return DONE

    study = study_with(3)
    assert _worker(study, run, asked_to_end=lambda: bool(told)).work() == Tally(0, finished=[0], interrupted=True)
    assert numbers(study, TrialState.WAITING) == [1, 2]
    other = _worker(study, tickets=hand(study, 1))
    assert other.work().finished == [1, 2]
    assert study.get_trials()[1].params.keys() == {"x"}


def test_a_worker_goes_on_when_a_trial_parks_and_ends_those_that_are_left(caplog: pytest.LogCaptureFixture) -> None:
    """Of two trials at their rung the better goes on to its end; the other one is pruned at last."""
    study, interrupts = parking_study(2), Interrupts()
    tickets, ends = hand(study), list[list[int]]()
    log = SimpleNamespace(settle=lambda _outcome: None, end_stored=lambda _study, numbers: ends.append(numbers))

    def run(trial: optuna.Trial) -> Completed:
        value = 0.1 + trial.number
        begin = len(study.trials[trial.number].intermediate_values)
        with interrupts.objective():
            for step in range(begin + 1, 13):
                trial.report(value, step)
                if tickets.parks(trial):
                    interrupts.end_trial()
                interrupts.at_checkpoint()
        return Completed((value,))

    with caplog.at_level(logging.INFO):
        tally = _worker(study, run, tickets=tickets, interrupts=interrupts, log=log).work()
    assert tally == Tally(0, finished=[0])
    assert ends == [[1]]  # its runs, which nobody has open
    assert words(study) == {0: "complete", 1: "pruned"}
    assert [message.split(" after")[0] for message in caplog.messages] == [
        "trial 0 parked",
        "trial 1 parked",
        "trial 0 complete with 0.1",
        "1 trial waited for a promotion and will not go on: pruned",
    ]


@pytest.mark.parametrize("lingers", [True, False])
def test_no_worker_waits_for_a_promotion(lingers: bool) -> None:
    """While another trains, one without a ticket ends, or lingers as long as it trains; parked trials keep nobody."""
    study, slept = parking_study(3), list[float]()
    other = hand(study, 1)
    for value in (0.1, 0.2):
        trained(other, claimed(other), value)
    last = claimed(other)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            other.settle(last, Failed("bug", "e"))

    assert last.number == 2
    run = {"lingers": lingers, "sleep": sleep}
    tally = _worker(study, lambda trial: Completed((0.1,)), **run).work()
    assert tally.finished == ([0] if lingers else [])
    assert words(study) == (
        {0: "complete", 1: "pruned", 2: "failed"} if lingers else {0: "parked", 1: "parked", 2: "running"}
    )


@pytest.mark.parametrize(("budget", "comes_back"), [(3, True), (1, False)])
def test_a_worker_whose_trial_ends_in_its_grace_time_comes_back_while_trials_are_left(
    budget: int, comes_back: bool
) -> None:
    """Its job shall be put back into the queue, as that of a worker whose trial was interrupted."""
    told: list[bool] = []
    worker = _worker(study_with(budget), after_trial=lambda: told.append(True), asked_to_end=lambda: bool(told))
    assert worker.work() == Tally(0, finished=[0], interrupted=comes_back)


def test_a_worker_of_a_stopped_study_does_not_come_back() -> None:
    """`stop --now` asks it to end, and the trial has come to its end instead."""
    study, told = study_with(3), list[bool]()

    def stop() -> None:
        write_stop(study, Stop("enough", is_fault=False))
        told.append(True)

    assert _worker(study, after_trial=stop, asked_to_end=lambda: bool(told)).work() == Tally(0, finished=[0])


def test_a_worker_that_was_told_to_end_claims_nothing() -> None:
    """A signal between two trials starts no third one."""
    study = study_with(3)
    assert _worker(study, asked_to_end=lambda: True).work() == Tally(0, interrupted=True)
    assert numbers(study, TrialState.WAITING) == [0, 1, 2]


def test_a_broken_claim_is_counted_as_dropped_and_nothing_is_reported() -> None:
    """The worker goes on with the next ticket, and no result is told twice."""
    study = study_with(2)
    thief = hand(study, 1, observer=Told("worker-0"))

    def run(trial: optuna.Trial) -> Completed:
        if trial.number == 0:
            stolen = thief.claim(sampler)
            assert stolen is not None
            thief.settle(stolen, Completed((7.0,)))
        return DONE

    reports: list[int] = []
    tally = _worker(study, run, after_trial=lambda: reports.append(1)).work()
    assert tally == Tally(0, finished=[1], dropped=[0])
    assert len(reports) == 1
    assert [trial.value for trial in study.get_trials()] == [7.0, 1.0]


def test_a_rule_stops_the_study_for_all_workers() -> None:
    """The worker that sees it writes the reason into the study; another one reads it and starts nothing."""

    def run(_trial: optuna.Trial) -> Completed:
        raise ValueError("always")

    study = study_with(9)
    assert _worker(study, run).work().finished == [0, 1, 2]
    stop = read_stop(study)
    assert stop is not None
    assert stop.is_fault
    assert stop.reason.endswith("failed in the same way: ValueError: always")
    assert _worker(study, tickets=hand(study, 1)).work() == Tally(1)


def test_the_deadline_stops_between_two_trials() -> None:
    """What runs is left to run; the rest of the tickets waits."""
    now = iter(range(1000))
    study = study_with(50)
    tally = _worker(study, limits=Limits(deadline=20.0), clock=lambda: float(next(now))).work()
    assert 0 < len(tally.finished) < 20
    stop = read_stop(study)
    assert stop is not None
    assert not stop.is_fault


def test_failures_of_an_earlier_command_do_not_count() -> None:
    """Whoever has mended the objective starts with a clean record, and with the whole budget."""
    study = study_with(4)

    def run(_trial: optuna.Trial) -> Completed:
        raise ValueError("always")

    assert len(_worker(study, run).work().finished) == 3
    write_stop(study, None)
    mended = _worker(study, ended_before=frozenset({0, 1, 2}), tickets=hand(study, 1, 4), run_number=2)
    assert mended.work().finished == [3, 4, 5, 6]


def test_a_fault_to_mend_stops_the_study_and_costs_no_ticket() -> None:
    """The text is kept for the driver; the trial waits for the mended objective."""

    def run(_trial: optuna.Trial) -> Completed:
        raise MetricError("hydra.sweeper.metric: loss is missing")

    study = study_with(2)
    assert _worker(study, run).work() == Tally(0, interrupted=True)
    assert read_stop(study) == Stop("hydra.sweeper.metric: loss is missing", is_fault=True)
    assert numbers(study, TrialState.WAITING) == [0, 1]


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (Completed((0.5, 2.0)), "trial 0 complete with 0.5, 2 after 1.0 s"),
        (Failed("diverged", "nan"), "trial 0 failed (diverged): nan after 1.0 s"),
        (optuna.TrialPruned(), "trial 0 pruned after 1.0 s"),
        (KeyboardInterrupt(), "trial 0 interrupted; its ticket goes back"),
    ],
    ids=["complete", "failed", "pruned", "interrupted"],
)
def test_a_worker_says_how_a_trial_ended(ending: Any, words: str, caplog: pytest.LogCaptureFixture) -> None:
    """One line per trial."""

    told: list[bool] = []

    def run(_trial: optuna.Trial) -> Any:
        told.extend([True] * isinstance(ending, KeyboardInterrupt))
        if isinstance(ending, BaseException):
            raise ending
        return ending

    study = study_with(1)
    if isinstance(ending, Completed):
        study = optuna.create_study(directions=["minimize", "maximize"])
        study.add_trial(optuna.trial.create_trial(state=TrialState.WAITING))
    seconds: Iterator[int] = iter(range(100))
    with caplog.at_level(logging.INFO):
        _worker(study, run, clock=lambda: float(next(seconds)), asked_to_end=lambda: bool(told)).work()
    assert words in caplog.messages


def test_a_stop_is_read_back_as_it_was_written() -> None:
    """It can be taken away again, for the next command."""
    study, stop = optuna.create_study(), Stop("because", is_fault=False)
    write_stop(study, stop)
    assert read_stop(study) == stop
    write_stop(study, None)
    assert read_stop(study) is None


def _ended(number: int, second: int, error: str | None) -> FrozenTrial:
    if error is None:
        trial = made(number=number)
    else:
        trial = made(TrialState.FAIL, number=number, failure={"kind": "bug", "error": error})
    trial.datetime_complete = datetime(2026, 11, 23, 12, 0, second)  # noqa: DTZ001 - as Optuna stamps trials
    return trial


def test_failures_are_in_the_order_of_their_ends() -> None:
    """Not of their numbers: workers finish when they finish. What ended before, or has not ended, is not there."""
    trials = [
        _ended(0, 30, "late"),
        _ended(1, 10, None),
        _ended(2, 20, "early"),
        _ended(3, 5, "of before"),
        made(TrialState.RUNNING, number=4),
        made(TrialState.WAITING, number=5),
    ]
    assert failures_since(trials, frozenset({3})) == [None, Failure("bug", "early"), Failure("bug", "late")]


def test_a_failure_of_another_tool_has_no_text() -> None:
    """A trial that stock Optuna failed is counted without a reason."""
    assert failures_since([made(TrialState.FAIL)], frozenset()) == [Failure("bug", "unknown")]


def test_a_sampler_that_cannot_begin_a_trial_stops_the_study() -> None:
    """As every trial would end so; the reason is written for the driver."""

    def sampler_of(_number: int) -> Any:
        raise HyperoptError("hydra.sweeper.sampler: no")

    study = study_with(2)
    tally = _worker(study, sampler_of=sampler_of).work()
    assert (tally.interrupted, tally.finished) == (True, [])
    assert read_stop(study) == Stop("hydra.sweeper.sampler: no", is_fault=True)
    assert numbers(study, TrialState.WAITING) == [0, 1]


def test_a_storage_that_fails_is_no_fault_of_the_study() -> None:
    """Nothing could be written into it either."""

    def sampler_of(_number: int) -> Any:
        raise StorageError("storage: away")

    study = study_with(1)
    with pytest.raises(StorageError):
        _worker(study, sampler_of=sampler_of).work()
    assert read_stop(study) is None


@pytest.mark.parametrize("is_asked", [True, False], ids=["asked to end", "at work"])
def test_a_storage_that_is_away_in_a_trial_stops_the_study_unless_the_worker_was_asked_to_end(is_asked: bool) -> None:
    """A worker that was asked to end waits no longer for a server, which is nobody's fault; the ticket goes back."""
    asked: list[bool] = []

    def run(_trial: optuna.Trial) -> Completed:
        asked.extend([True] * is_asked)
        raise StorageError("storage: away")

    study = study_with(1)
    assert _worker(study, run, asked_to_end=lambda: bool(asked)).work() == Tally(0, interrupted=True)
    assert read_stop(study) == (None if is_asked else Stop("storage: away", is_fault=True))
    assert numbers(study, TrialState.WAITING) == [0]


def test_a_worker_that_lingers_takes_over_the_last_trial() -> None:
    """It waits as long as one trial runs elsewhere, and claims it once its worker is dead."""
    study, dead = study_with(1), Told()
    claimed = hand(study, 1).claim(sampler)
    assert claimed is not None
    worker = _worker(
        study,
        tickets=hand(study, observer=dead),
        lingers=True,
        sleep=lambda _seconds: dead.dead.add("worker-1"),
    )
    assert worker.work() == Tally(0, finished=[0])
