# SPDX-License-Identifier: MIT
"""Trials that no longer count, and why."""

import optuna
from optuna.trial import TrialState

from hyperopt_app.budget.set_aside import set_aside, set_aside_of
from hyperopt_app.study.records.trial_records import RETRY_OF


def test_a_trial_counts_no_longer_for_a_stored_reason_or_for_a_ticket_that_tries_it_again() -> None:
    """Both are found, each with words for people; the others count."""
    study = optuna.create_study()
    for _ in range(3):
        study.add_trial(optuna.trial.create_trial(state=TrialState.FAIL))
    study.add_trial(optuna.trial.create_trial(state=TrialState.WAITING, user_attrs={RETRY_OF: 2}))
    set_aside(study, [0], "discarded")

    assert set_aside_of(study, study.get_trials()) == {0: "discarded", 2: "tried again as trial 3"}
