# SPDX-License-Identifier: MIT
"""How long the attempts at a trial took, and how long anybody was at work on a study."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget.tickets import MOST_LOSSES
from hyperopt_app.objective.outcomes import Completed, Interrupted, Lost
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.trial_facts import attempts_of, count_of_attempts, duration_s, worked_s
from tests.unit._made_tickets import Told, claimed, hand, study_with
from tests.unit._made_trials import START, made

NOON = START.timestamp()


@pytest.fixture(params=["memory", "journal", "sqlite"])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> optuna.Study:
    """A study with a ticket."""
    url = f"sqlite:///{tmp_path}/study.db" if request.param == "sqlite" else None
    return study_with(1, None if request.param == "memory" else open_storage(url, tmp_path))


def _frozen(study: optuna.Study) -> FrozenTrial:
    return study.get_trials()[0]


@pytest.mark.parametrize("outcome", [Interrupted(), Lost("killed from outside")])
def test_a_trial_that_goes_back_keeps_the_time_that_it_took(study: optuna.Study, outcome: Any) -> None:
    """Optuna keeps the last start alone."""
    first = hand(study)
    first.settle(claimed(first), outcome)
    waiting = _frozen(study)
    (stored,) = attempts_of(waiting)
    assert stored.worker == "worker-0"
    assert (waiting.state, count_of_attempts(waiting), duration_s(waiting)) == (TrialState.WAITING, 1, None)
    second = hand(study, 1)
    second.settle(claimed(second), Completed((1.0,)))
    done = _frozen(study)
    assert [one.worker for one in attempts_of(done)] == ["worker-0", "worker-1"]
    assert count_of_attempts(done) == 2
    assert done.duration is not None
    assert duration_s(done) == pytest.approx(stored.ended - stored.begun + done.duration.total_seconds())


def test_a_killed_worker_was_at_work_up_to_its_last_sign_of_life(study: optuna.Study, tmp_path: Path) -> None:
    """When it is found dead says nothing."""
    beat = tmp_path / "beat.json"
    beat.touch()
    holder = hand(study)
    trial = claimed(holder)
    begun = _frozen(study).datetime_start
    assert begun is not None
    os.utime(beat, (0, begun.timestamp() + 40))
    study._storage.set_trial_user_attr(trial._trial_id, "claim", {**holder.identity.as_claim(), "beat": str(beat)})
    assert hand(study, 1, observer=Told("worker-0")).reap() == [0]
    (stored,) = attempts_of(_frozen(study))
    assert stored.ended - stored.begun == pytest.approx(40)


def test_of_a_trial_that_is_failed_by_others_the_last_attempt_counts_once(study: optuna.Study) -> None:
    """Its end, as Optuna stores it, is when it was found."""
    for number in range(MOST_LOSSES):
        claimed(hand(study, number))
        hand(study, 9, observer=Told(f"worker-{number}")).reap()
    failed = _frozen(study)
    assert (failed.state, count_of_attempts(failed)) == (TrialState.FAIL, MOST_LOSSES)
    assert duration_s(failed) == 0.0  # nobody has left a sign of life


def _attempt(worker: str, begun: float, ended: float) -> dict[str, Any]:
    return {"worker": worker, "begun": NOON + begun, "ended": NOON + ended}


def _done(worker: str, begun: float, ended: float, *earlier: dict[str, Any]) -> FrozenTrial:
    trial = made(claim={"worker": worker}, ended_attempts=list(earlier))
    trial.datetime_start, trial.datetime_complete = START + timedelta(seconds=begun), START + timedelta(seconds=ended)
    return trial


WORK = {
    "nothing": ([], 0.0),
    "one after the other": ([_done("a", 0, 10), _done("a", 12, 20)], 20.0),
    "side by side": ([_done("a", 0, 10), _done("b", 5, 12)], 12.0),
    "a pause between two workers": ([_done("a", 0, 10), _done("b", 1000, 1005)], 15.0),
    "a pause within a trial": ([_done("b", 1000, 1005, _attempt("a", 0, 10))], 15.0),
    "waiting after an interruption": ([made(TrialState.WAITING, ended_attempts=[_attempt("a", 0, 7)])], 7.0),
    "nobody's": ([_done("", 0, 10), _done("", 1000, 1010)], 20.0),
}


@pytest.mark.parametrize("case", WORK)
def test_the_time_in_which_somebody_was_at_work(case: str) -> None:
    """A worker is at work from its first trial's begin to its last one's end, also between two; pauses do not count."""
    trials, seconds = WORK[case]
    assert worked_s(trials, lambda _: NOON) == pytest.approx(seconds)


def test_a_running_trial_counts_up_to_when_its_worker_is_known_to_work() -> None:
    """Now, or its last sign of life."""
    assert worked_s([made(TrialState.RUNNING)], lambda _: NOON + 60) == pytest.approx(60)
