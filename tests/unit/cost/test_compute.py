# SPDX-License-Identifier: MIT
"""What a study has cost: all time of its workers, divided by what became of the trials."""

import pytest
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.cost.compute import compute_of, gpu_hours
from hyperopt_app.cost.worker_times import WorkerTime
from tests.unit._made_trials import START, made

NOON, HOUR = START.timestamp(), 3600.0


def _worker(name: str, hours: float, gpus: float = 0.0, since: float = 0.0) -> WorkerTime:
    begun = NOON + since * HOUR
    return WorkerTime(name, 0, "host", "", "", gpus, begun, begun + hours * HOUR, is_at_work=False)


def _trial(state: TrialState, hours: float, worker: str = "a", number: int = 0) -> FrozenTrial:
    return made(state, length_s=hours * HOUR, number=number, claim={"worker": worker})


def test_the_time_of_workers_is_divided_by_what_the_trials_came_to() -> None:
    """What no trial took was idle; without GPUs the unit is an hour of a worker."""
    trials = [_trial(TrialState.COMPLETE, 2), _trial(TrialState.PRUNED, 1), _trial(TrialState.FAIL, 0.5)]
    cost = compute_of(trials, [_worker("a", 4), _worker("b", 1)])
    assert cost.unit == "worker"
    assert cost[1:] == pytest.approx((2, 1, 0.5, 0, 1.5, 5))


def test_an_hour_of_a_worker_counts_as_many_times_as_it_has_gpus() -> None:
    """Half for one that shares a GPU, nothing for one without while others have some."""
    trials = [_trial(TrialState.COMPLETE, 1, "a"), _trial(TrialState.COMPLETE, 1, "b"), _trial(TrialState.FAIL, 1, "c")]
    workers = [_worker("a", 1, gpus=2), _worker("b", 1, gpus=0.5), _worker("c", 1)]
    cost = compute_of(trials, workers)
    assert cost.unit == "GPU"
    assert (cost.complete, cost.failed, cost.total) == pytest.approx((2.5, 0, 2.5))
    assert gpu_hours(workers) == pytest.approx(2.5)


def test_all_attempts_of_a_trial_count_as_what_it_came_to() -> None:
    """Also those that a preemption has ended, on another worker."""
    earlier = [{"worker": "b", "begun": NOON - HOUR, "ended": NOON - HOUR / 2}]
    trial = made(TrialState.COMPLETE, length_s=HOUR, claim={"worker": "a"}, ended_attempts=earlier)
    cost = compute_of([trial], [_worker("a", 1), _worker("b", 1, since=-1)])
    assert (cost.complete, cost.idle, cost.total) == pytest.approx((1.5, 0.5, 2))


def test_what_runs_and_what_waits_for_its_next_attempt_is_unfinished() -> None:
    """A running trial counts up to where its worker is known to have been at work."""
    earlier = [{"worker": "b", "begun": NOON, "ended": NOON + HOUR / 2}]
    waiting = made(TrialState.WAITING, ended_attempts=earlier)
    running = made(TrialState.RUNNING, claim={"worker": "a"})
    cost = compute_of([waiting, running], [_worker("a", 2), _worker("b", 1)])
    assert (cost.unfinished, cost.idle) == pytest.approx((2.5, 0.5))


def test_trials_of_an_earlier_release_count_though_nobody_noted_their_workers() -> None:
    """They were never idle, as far as anybody knows."""
    cost = compute_of([_trial(TrialState.COMPLETE, 3, "unknown")], [])
    assert (cost.complete, cost.idle, cost.total) == pytest.approx((3, 0, 3))


def test_a_study_that_nobody_has_worked_on_has_cost_nothing() -> None:
    """In any sort of time."""
    cost = compute_of([made(TrialState.WAITING)], [])
    assert cost[1:] == (0, 0, 0, 0, 0, 0)
