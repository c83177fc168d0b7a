# SPDX-License-Identifier: MIT
"""Add up what a study has trained, in full trainings: a trial that ended after a third of its steps counts a third."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.sampling.curves.progress import Progress
from hyperopt_app.study.trial_records import imported_from

__all__ = ["trainings_of"]


def trainings_of(trials: Sequence[FrozenTrial]) -> float | None:
    """Return the sum of the trials' shares of a full training.

    A share is the length of a trial up to its last reported step, divided by the length of the longest. A complete
    trial without a report counts 1, and every other trial without a report 0.

    Args:
        trials: All of a study, running, waiting and set aside ones too: each has cost its time. Imported ones have not.

    Returns:
        The sum; None before the first trial is complete, since nobody knows how long a training is.
    """
    trials = [trial for trial in trials if not imported_from(trial)]
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not complete:
        return None
    progress = Progress(step for trial in trials for step in trial.intermediate_values)
    lengths = [progress.length(max(trial.intermediate_values)) for trial in trials if trial.intermediate_values]
    silent = sum(not trial.intermediate_values for trial in complete)
    return silent + sum(lengths) / max(lengths, default=1.0)
