# SPDX-License-Identifier: MIT
"""Trials tried again, discarded and added while eight workers race and processes are killed, on every storage."""

from collections import Counter

import optuna
import pytest
from optuna.trial import TrialState

from hyperopt_app.budget.counting import read_budget, read_counting
from hyperopt_app.budget.hidden import without
from hyperopt_app.budget.set_aside import set_aside_of
from hyperopt_app.study.records.trial_records import GROWS_BUDGET as EXTRA
from hyperopt_app.study.records.trial_records import POINT, retried_by
from tests.contracts.conftest import Place, Programs


def _steered(place: Place, run_program: Programs, n_trials: int, steps: int) -> None:
    """Let them, and look at what has come of it."""
    answers = [one for one in run_program("steer", *place.arguments(), n_trials, steps) if one != "failed"]
    study = optuna.load_study(study_name="contract", storage=place.open())
    trials, budget = study.trials, read_budget(study, n_trials)
    assert len(budget) == n_trials + sum(EXTRA in trial.user_attrs for trial in budget)
    assert all(trial.state.is_finished() for trial in trials), "none is left over, waiting or running"
    assert [trial.number for trial in read_counting(study)] == [trial.number for trial in budget]

    first = [trial for trial in trials if retried_by(trial) is None]
    carried = Counter(trial.system_attrs[POINT]["x"] for trial in first if POINT in trial.system_attrs)
    asked = {point for kind, point, came in answers if kind in ("add", "grow") and came == "done"}
    assert asked <= carried.keys()
    assert set(carried.values()) <= {1}
    again = [trial for trial in trials if retried_by(trial) is not None]
    assert len({retried_by(trial) for trial in again}) == len(again)
    assert all(trial.params == trials[retried_by(trial) or 0].params for trial in again)

    values = [trial.value for trial in budget if trial.state == TrialState.COMPLETE and trial.value is not None]
    assert without(study, set_aside_of(study, trials)).best_value == min(values)
    assert {kind for kind, _, came in answers if came == "done"} >= {"retry", "discard", "grow"}


@pytest.mark.timeout(240)  # with SQLite each write waits for the disk
def test_eight_racing_workers_and_a_user_who_steers(shared_place: Place, run_program: Programs) -> None:
    """Counts are exact, no point is tried twice unless asked, the best is right, also where processes are killed."""
    _steered(shared_place, run_program, 24, 8)


@pytest.mark.nightly
@pytest.mark.timeout(3600)  # a busy machine of two cores takes 2 minutes with a journal, 14 with SQLite
def test_the_same_with_many_steps(shared_place: Place, run_program: Programs) -> None:
    """Of a budget of which only a part waits at a time."""
    _steered(shared_place, run_program, 400, 150)
