# SPDX-License-Identifier: MIT
"""A trial whose claim was broken takes nothing more from the worker that had it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from hyperopt_app.study.own_trial import NotOurTrialError, OwnTrial, Pace
from hyperopt_app.study.trial_directory import Owner, claim, go_on
from tests.unit._made_tickets import Told, claimed, hand, study_with

CALLS: dict[str, Callable[[OwnTrial], object]] = {
    "report": lambda own: own.report(2.0, 1),
    "set_user_attr": lambda own: own.set_user_attr("key", 1),
    "suggest": lambda own: own.suggest_float("x", 0, 1),
    "should_prune": lambda own: own.should_prune(),
    "checkpointed": lambda own: own.check(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("is_claimed_anew", [False, True])
def test_nothing_is_written_to_a_trial_of_anothers(call: Callable[[OwnTrial], object], is_claimed_anew: bool) -> None:
    """Neither while it waits nor when another worker has it."""
    study = study_with(1)
    slow, other = hand(study, 0), hand(study, 1, observer=Told("worker-0"))
    trial = claimed(slow)
    own = OwnTrial(trial, lambda: slow.holds(trial))
    own.report(1.0, 0)
    assert own.number == 0
    other.reap()
    if is_claimed_anew:
        claimed(other)
    before: optuna.trial.FrozenTrial = study.get_trials()[0]
    with pytest.raises(NotOurTrialError, match="trial 0 is another worker's now"):
        call(own)
    after = study.get_trials()[0]
    assert (after.intermediate_values, after.user_attrs, after.params) == (
        {0: 1.0},
        before.user_attrs,
        before.params,
    )


def test_nothing_is_written_once_another_has_signed_the_directory(tmp_path: Path) -> None:
    """The study may not have heard of it yet, as a copy of it never will."""
    trial, me = claimed(hand(study_with(1))), Owner("id", "study", 0)
    directory, owner = claim(tmp_path / "trials" / "0", me, tmp_path)
    own = OwnTrial(trial, lambda: True, directory, owner)
    own.report(1.0, 0)
    assert go_on(directory, replace(me, attempt=2), tmp_path) is not None
    with pytest.raises(NotOurTrialError, match="trial 0 is another worker's now"):
        own.report(2.0, 1)


def test_a_report_is_passed_on_once_the_study_has_it() -> None:
    """And not if the trial is another worker's by then."""
    study, heard = study_with(1), list[tuple[float, int]]()
    slow, other = hand(study, 0), hand(study, 1, observer=Told("worker-0"))
    trial = claimed(slow)
    own = OwnTrial(trial, lambda: slow.holds(trial), on_report=lambda value, step: heard.append((value, step)))
    own.report(1.0, 0)
    other.reap()
    with pytest.raises(NotOurTrialError):
        own.report(2.0, 1)
    assert heard == [(1.0, 0)]


def test_the_pace_is_the_longest_stretch_without_a_checkpoint() -> None:
    """From the start or a checkpoint to the next, or to the end."""
    times = iter([0.0, 10.0, 12.0, 17.0, 18.0])
    pace = Pace(lambda: next(times))
    pace.begin()
    assert pace.longest_s is None
    for longest in (2.0, 5.0, 5.0):
        pace.mark()
        assert pace.longest_s == longest
