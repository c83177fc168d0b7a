# SPDX-License-Identifier: MIT
"""Does the remaining time suffice for another trial?"""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.schedulers.time_left import end_of_job, needed_s, suffices
from tests.unit._made_trials import made

seconds = st.floats(0, 1e6)


def _lasted(duration_s: float) -> FrozenTrial:
    trial = made(TrialState.COMPLETE)
    trial.datetime_start = datetime(2026, 1, 1)  # noqa: DTZ001 - as Optuna stamps its trials
    trial.datetime_complete = trial.datetime_start + timedelta(seconds=duration_s)
    return trial


@pytest.mark.parametrize(
    ("environment", "end"),
    [
        ({}, None),
        ({"HYPEROPT_END": ""}, None),
        ({"HYPEROPT_END": "soon"}, None),
        ({"HYPEROPT_END": "1700000000"}, 1.7e9),
        ({"SLURM_JOB_END_TIME": "1700000000"}, 1.7e9),
        ({"HYPEROPT_END": "5", "SLURM_JOB_END_TIME": "6"}, 5.0),
    ],
)
def test_the_end_of_the_job_is_what_the_script_or_slurm_says(environment: dict[str, str], end: float | None) -> None:
    """Without either there is no end."""
    assert end_of_job(environment) == end


@given(seconds, seconds, seconds, st.booleans())
def test_more_time_never_hurts(remaining_s: float, more_s: float, wanted_s: float, fresh: bool) -> None:
    """What suffices now would suffice with a later end."""
    if suffices(remaining_s, wanted_s, 10.0, is_fresh=fresh):
        assert suffices(remaining_s + more_s, wanted_s, 10.0, is_fresh=fresh)


@given(seconds, seconds)
def test_without_an_end_every_trial_fits(wanted_s: float, grace_s: float) -> None:
    """On a workstation."""
    assert suffices(None, wanted_s, grace_s, is_fresh=False)


@pytest.mark.parametrize(
    ("remaining_s", "fresh", "claims"),
    [(100.0, False, False), (100.0, True, True), (131.0, False, True), (130.0, False, False), (29.0, True, False)],
)
def test_a_trial_must_reach_its_next_checkpoint(remaining_s: float, fresh: bool, claims: bool) -> None:
    """It needs 100 seconds, and 30 are kept; a fresh worker has as much time as there ever is, and tries."""
    assert suffices(remaining_s, 100.0, 30.0, is_fresh=fresh) is claims


def test_what_a_worker_has_seen_comes_before_what_others_took() -> None:
    """Else the median of the last trials; of nothing, nothing is known."""
    trials = [_lasted(10), _lasted(20), _lasted(90)]
    assert needed_s(40.0, trials) == pytest.approx(44.0)
    assert needed_s(None, trials) == pytest.approx(22.0)
    assert needed_s(None, []) == 0.0
