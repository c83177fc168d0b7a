# SPDX-License-Identifier: MIT
"""Whether a search may still be corrected: its first trials failed and count no longer, and nothing else was tried.

The command that corrects such a search is then no other search, but the one that was meant. Workers that an earlier
command has started, or that still wait in a queue, have the old one; they are told by the number of their run.
"""

from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.trial import TrialState

from hyperopt_app.budget.set_aside import set_aside_of
from hyperopt_app.budget.verdict import condemned, judge_last_run
from hyperopt_app.study.trial_records import point_of

__all__ = ["is_untried"]


def is_untried(study: optuna.Study, fits: Callable[[Mapping[str, Any]], bool]) -> bool:
    """Whether no trial speaks for the stored search; only reads.

    Args:
        study: The stored study.
        fits: Whether a point that a waiting ticket carries is one of the new search.
    """
    trials = study.get_trials(deepcopy=False)
    aside, verdict = set(set_aside_of(study, trials)), judge_last_run(study)
    if verdict is not None:  # which a killed command may not have carried out yet
        aside.update(condemned(trials, verdict))
    if not aside:
        return False
    counting = [trial for trial in trials if trial.number not in aside]
    if any(trial.state != TrialState.WAITING or trial.params for trial in counting):
        return False
    return all(fits(point) for trial in counting if (point := point_of(trial)))
