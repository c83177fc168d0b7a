# SPDX-License-Identifier: MIT
"""Which trials are best, and what a study tells that has none."""

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial

from hyperopt_app.study.trial_facts import best_trials, failures_alone
from tests.unit._made_trials import made, study_of


@st.composite
def studies(draw: st.DrawFn) -> optuna.Study:
    directions = draw(st.lists(st.sampled_from(["minimize", "maximize"]), min_size=1, max_size=3))
    study = study_of(*directions)
    value = st.integers(-3, 3).map(float)
    for _ in range(draw(st.integers(0, 12))):
        state = draw(st.sampled_from([TrialState.COMPLETE, TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING]))
        complete = state == TrialState.COMPLETE
        trial = create_trial(
            state=state,
            values=draw(st.lists(value, min_size=len(directions), max_size=len(directions))) if complete else None,
            constraints={"c": draw(value)} if complete and draw(st.booleans()) else None,
        )
        study.add_trial(trial)
    return study


@given(studies())
def test_the_best_trials_are_optunas(study: optuna.Study) -> None:
    """The same trial, or the same Pareto front, as Optuna's own answer, constraints included."""
    found = [trial.number for trial in best_trials(study.get_trials(deepcopy=False), study.directions)]
    if len(study.directions) > 1:
        assert found == [trial.number for trial in study.best_trials]
        return
    try:
        expected = [study.best_trial.number]
    except ValueError:
        expected = []
    assert found == expected


def _failed(error: str) -> optuna.trial.FrozenTrial:
    return made(TrialState.FAIL, failure={"kind": "diverged", "error": error})


FAILURES = {
    "all alike": (
        [_failed("loss is\n nan")] * 2,
        "No trial of this run has completed: 2 of 2 failed; all with: loss is nan",
    ),
    "most alike": (
        [_failed("a"), _failed("b"), _failed("b"), made(TrialState.PRUNED)],
        "No trial of this run has completed: 3 of 4 failed, 1 were pruned; 2 of them with: b",
    ),
    "no reason": ([made(TrialState.FAIL)], "No trial of this run has completed: 1 of 1 failed."),
    "one is complete": ([_failed("a"), made()], ""),
    "pruned alone": ([made(TrialState.PRUNED)], ""),
    "none": ([], ""),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_study_of_failures_tells_how_many_and_why(case: str) -> None:
    """The commonest reason; nothing if a trial has completed, or none has failed."""
    trials, told = FAILURES[case]
    assert failures_alone(trials) == told
