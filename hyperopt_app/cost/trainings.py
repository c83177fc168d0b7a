# SPDX-License-Identifier: MIT
"""Add up what a study has trained, in full trainings: a trial that ended after a third of its steps counts a third."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.sampling.curves.progress import Progress
from hyperopt_app.study.records.trial_records import imported_from, repeats_of, unfinished_step
from hyperopt_app.study.trial_facts import own_curve

__all__ = ["trainings_of"]


def trainings_of(trials: Sequence[FrozenTrial]) -> float | None:
    """Return the sum of the trials' shares of a full training.

    A share is the length of a trial up to its last reported step, divided by the length of the longest. A complete
    trial without a report counts 1, and every other trial without a report 0. Of a configuration that is trained with
    several seeds each finished training counts 1; one that is under way, or has failed, counts by its share.

    Args:
        trials: All of a study, running, waiting and set aside ones too: each has cost its time. Imported ones have not.

    Returns:
        The sum; None before the first training is complete, since nobody knows how long a training is.
    """
    trials = [trial for trial in trials if not imported_from(trial)]
    repeats = sum(len(repeats_of(trial)) for trial in trials)
    alone = [trial for trial in trials if not repeats_of(trial)]
    complete = [trial for trial in alone if trial.state == TrialState.COMPLETE]
    if not (complete or repeats):
        return None
    curves = [curve for trial in trials if (curve := own_curve(trial))]
    progress = Progress(step for curve in curves for step in curve)
    longest = max((progress.length(max(curve)) for curve in curves), default=1.0)
    lengths = [progress.length(max(trial.intermediate_values)) for trial in alone if trial.intermediate_values]
    lengths += [progress.length(step) for trial in trials if (step := _later_step(trial)) is not None]
    silent = sum(not trial.intermediate_values for trial in complete)
    return repeats + silent + sum(lengths) / longest


def _later_step(trial: FrozenTrial) -> int | None:
    """Return the last step of a later repeat that has not finished; None where first repeats report nothing."""
    return unfinished_step(trial) if own_curve(trial) else None
