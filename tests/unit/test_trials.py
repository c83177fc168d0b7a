# SPDX-License-Identifier: MIT
"""Which trials are best."""

import optuna
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial

from hyperopt_app._trials import best_trials
from tests.unit._made_trials import study_of


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
