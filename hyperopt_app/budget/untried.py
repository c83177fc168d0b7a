# SPDX-License-Identifier: MIT
"""Decide whether the search space of a study may still be corrected without starting a new study.

It may if the only trials so far failed because of wrong code and no longer count. Workers of an earlier command, or
jobs still waiting in a queue, have the old search space; they stop because the number of their run is outdated.
"""

from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.trial import TrialState

from hyperopt_app.budget.set_aside import set_aside_of
from hyperopt_app.budget.verdict import judge_last_run, trials_of_verdict
from hyperopt_app.study.records.trial_records import point_of

__all__ = ["is_untried"]


def is_untried(study: optuna.Study, fits: Callable[[Mapping[str, Any]], bool]) -> bool:
    """Whether no trial depends on the stored search space; only reads.

    Args:
        study: The stored study.
        fits: Whether a point that a waiting ticket carries is one of the new search.
    """
    trials = study.get_trials(deepcopy=False)
    aside, verdict = set(set_aside_of(study, trials)), judge_last_run(study)
    if verdict is not None:  # which a killed command may not have carried out yet
        aside.update(trials_of_verdict(trials, verdict))
    if not aside:
        return False
    counting = [trial for trial in trials if trial.number not in aside]
    if any(trial.state != TrialState.WAITING or trial.params for trial in counting):
        return False
    return all(fits(point) for trial in counting if (point := point_of(trial)))
