# SPDX-License-Identifier: MIT
"""Points of later commands: which of them a study does not have yet, and which tickets carry them."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget.ticket_issue import budget_with_room, issue, points_left
from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.objective.outcomes import Completed, Interrupted
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.records.trial_records import POINT, claim_of
from tests.unit._made_tickets import claimed, hand, numbers, study_with

DONE = Completed((1.0,))


@pytest.fixture(params=["memory", "journal"])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> optuna.Study:
    """A study with four tickets."""
    return study_with(4, open_storage(None, tmp_path) if request.param == "journal" else None)


def test_the_budget_with_room_counts_what_waits_beyond_it() -> None:
    """Tickets of a larger budget before, as far as they are free."""
    study = study_with(4)
    trials = study.get_trials()
    assert [budget_with_room(trials, (), 2, points) for points in (1, 2, 3)] == [3, 4, 5]
    assert budget_with_room(trials, (), 4, 2) == 6
    study.enqueue_trial({"x": 1.0})
    assert [budget_with_room(study.get_trials(), (), 2, points) for points in (2, 3)] == [4, 6]


def test_a_point_is_left_until_a_ticket_carries_it() -> None:
    """Each as often as it stands in the list; what was stored is compared, and another tool's trial has its point."""
    study = optuna.create_study(study_name="study")
    points: list[dict[str, Any]] = [{"x": 1.0, "c": True}, {"x": 1.0, "c": True}, {"c": "a"}]
    assert points_left([], points) == points
    issue(study, 1, points)
    assert points_left(study.get_trials(), points) == points[1:]
    assert points_left(study.get_trials(), [{"c": True, "x": 1}]) == []
    assert points_left(study.get_trials(), [{"c": 1, "x": 1}]) == [{"c": 1, "x": 1}]
    choices = optuna.distributions.CategoricalDistribution(["a", "b"])
    study.add_trial(optuna.trial.create_trial(params={"c": "a"}, distributions={"c": choices}, value=1.0))
    assert points_left(study.get_trials(), points) == points[1:2]


def test_later_points_go_to_tickets_that_nobody_has_begun(study: optuna.Study) -> None:
    """In the order of the numbers; not to an interrupted trial, nor to one that carries a point already."""
    worker = hand(study, 1)
    trial = claimed(worker)
    trial.suggest_float("x", 0, 1)
    worker.settle(trial, Interrupted())
    study._storage.set_trial_system_attr(study.trials[1]._trial_id, POINT, {"x": 0.75})
    driver = hand(study, -1)
    assert driver.carry([{"x": 0.25}, {"x": 0.5}, {"x": 0.125}]) == 2
    fixed = [trial.system_attrs.get(POINT) for trial in study.get_trials()]
    assert fixed == [None, {"x": 0.75}, {"x": 0.25}, {"x": 0.5}]
    assert numbers(study, TrialState.WAITING) == [0, 1, 2, 3]
    assert [claim_of(trial) for trial in study.get_trials()] == [None] * 4


def test_a_point_never_reaches_a_trial_that_a_worker_has_just_begun(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is faster than the driver keeps its ticket as it is; the point takes the next."""
    driver, worker, look = hand(study, -1), hand(study, 1), Tickets.trials
    begun: list[optuna.Trial] = []

    def late(self: Tickets, *states: TrialState) -> list[FrozenTrial]:
        found = look(self, *states)
        if self is driver and not begun:
            begun.append(claimed(worker))
        return found

    monkeypatch.setattr(Tickets, "trials", late)
    assert driver.carry([{"x": 0.25}]) == 1
    assert begun[0].number == 0
    assert [POINT in trial.system_attrs for trial in study.get_trials()] == [False, True, False, False]
    assert worker.settle(begun[0], DONE)
