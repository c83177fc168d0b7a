# SPDX-License-Identifier: MIT
"""The pruner `forecast`: it ends a trial if its rank at a rung and the forecast of its final value both say so.

A rung is a length of training that has grown by the reduction factor since the first report. A rank alone misleads
where the best learn slowly, a forecast alone where the model has seen little. Where the model has learned that a rung
says little about the end, nobody is judged there. Runs in workers; reads all from the study.
"""

import logging
import math
from collections.abc import Sequence

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.sampling.curves.acquisition import model_of
from hyperopt_app.sampling.curves.observations import learning, observe, progress_of
from hyperopt_app.sampling.curves.progress import Progress
from hyperopt_app.sampling.curves.threads import on_one_thread

__all__ = ["ForecastPruner", "full_length"]

_log = logging.getLogger(__name__)
# The correlation of a rung with the end, as the study has taught it, below which the rung judges nobody.
_LEAST_AGREEMENT = 0.4
_MOST = 1_000_000  # of any count


class ForecastPruner(BasePruner):
    """Ends a trial that is not among the best at a rung, and is not expected to be the best in the end.

    Args:
        reduction_factor: One in so many trials is among the best; the length of training from rung to rung grows by it.
        caution: So many standard deviations are added to a trial's forecast before it is held against the best one.
        first_rung: The first rung that judges; 0 is the first report.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(self, reduction_factor: int = 3, caution: float = 1.0, first_rung: int = 1) -> None:
        if not 2 <= reduction_factor <= _MOST:
            raise ValueError(
                f"reduction_factor: {reduction_factor} is not allowed; set a whole number from 2 to {_MOST}"
            )
        if not (caution >= 0 and math.isfinite(caution)):
            raise ValueError(f"caution: {caution} is not allowed; set a number from 0")
        if not 0 <= first_rung <= _MOST:
            raise ValueError(f"first_rung: {first_rung} is not allowed; set a whole number from 0 to {_MOST}")
        self._factor, self._caution, self._first = reduction_factor, caution, first_rung

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Return whether the trial is to end at its last report."""
        if (
            trial.last_step is None
            or not trial.params
            or not self._is_at_a_rung(trial, Progress(trial.intermediate_values))
        ):
            return False
        trials = study.get_trials(deepcopy=False)
        if trial.last_step >= full_length(trials):  # nothing is left to be saved
            return False
        progress = progress_of(trials)
        if not self._is_at_a_rung(trial, progress):
            return False
        rung = progress.rung(trial.last_step, self._factor)
        sign = 1.0 if study.direction == StudyDirection.MAXIMIZE else -1.0
        own = sign * trial.intermediate_values[trial.last_step]
        if not math.isfinite(own):
            return math.isnan(own) or own < 0
        at = (progress.value_at(other.intermediate_values, rung, self._factor) for other in trials)
        there = [sign * value for value in at if value is not None]
        if sum(value > own for value in there) < max(1, len(there) // self._factor):
            return False
        return self._ends_low(learning(trials), trial, progress.of(trial.last_step), maximize=sign > 0)

    def _is_at_a_rung(self, trial: FrozenTrial, progress: Progress) -> bool:
        """Return whether the trial has just come to a rung that judges.

        By the trial's own steps that costs little; what others have reported is read at rungs only.
        """
        *earlier, last = sorted(trial.intermediate_values)
        rung = progress.rung(last, self._factor)
        return rung >= self._first and not (earlier and progress.rung(earlier[-1], self._factor) >= rung)

    def _ends_low(self, trials: list[FrozenTrial], trial: FrozenTrial, at: float, *, maximize: bool) -> bool:
        """Return whether a trial is forecast to end below the best; False if its progress lets forecast nothing."""
        try:
            with on_one_thread():
                seen = observe(trials, maximize=maximize)
                model = model_of(seen, np.random.default_rng(trial.number))
                if model.agreement(at, float(seen.ends[0, -1])) < _LEAST_AGREEMENT:
                    return False
                place = np.append(seen.places.of(trial.params), seen.ends[0, -1])
                means, deviations = model.predict(np.concatenate([seen.ends, place[None]]))
        except np.linalg.LinAlgError as error:
            _log.warning("trial %d goes on, since its final value cannot be forecast: %s", trial.number, error)
            return False
        return bool(means[-1] + self._caution * deviations[-1] < means[:-1].max())


def full_length(trials: Sequence[FrozenTrial]) -> float:
    """Return the last step of the longest complete trial; infinity before any is complete."""
    complete = (trial.last_step for trial in trials if trial.state == TrialState.COMPLETE)
    return max((step for step in complete if step is not None), default=math.inf)
