# SPDX-License-Identifier: MIT
"""The pruner `promote`: asynchronous successive halving that lets trials wait at rungs and promotes the best of each.

This module has the rule alone: which rung a trial has reached, and who goes on from a rung. `budget.parking` applies it
to the tickets of a study. A rung is a length of training that has grown by the reduction factor since the first report.
"""

import math
from collections.abc import Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.sampling.curves.forecast import ForecastPruner, full_length
from hyperopt_app.sampling.curves.observations import progress_of

__all__ = ["PromotePruner"]


class PromotePruner(ForecastPruner):
    """Lets a trial wait at each rung unless it is among the best there; ends none.

    A trial can wait only where it has written a checkpoint. As long as no trial of the study has announced one, this
    pruner does what `forecast` does.

    Args:
        reduction_factor: One in so many trials goes on from a rung; the length of training grows by it from rung to
            rung.
        first_rung: The first rung; 0 is the first report, 1 a length of `reduction_factor` times that report's.
        caution: Of `forecast`, where no trial has a checkpoint.

    Attributes:
        has_checkpoints: Whether a trial of the study has announced a checkpoint; a worker sets it.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(self, reduction_factor: int = 3, first_rung: int = 1, caution: float = 1.0) -> None:
        super().__init__(reduction_factor, caution, first_rung)
        self.has_checkpoints = False

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Return whether the trial is to end at its last report: never, where trials have checkpoints."""
        return not self.has_checkpoints and super().prune(study, trial)

    def may_be_at_a_rung(self, trial: FrozenTrial, passed: int) -> bool:
        """Return whether a trial may have reached a further rung, by its own reports; a cheap look before `rung_of`.

        Args:
            trial: A running trial.
            passed: The highest rung that it has passed; -1 for none.
        """
        return bool(trial.intermediate_values) and self._rung([trial], trial) > max(passed, self._first - 1)

    def rung_of(self, trials: Sequence[FrozenTrial], trial: FrozenTrial, passed: int) -> int | None:
        """Return the rung that a trial has reached and not passed; None if there is none, or nothing is left to train.

        Args:
            trials: All that count in the study, the trial among them.
            trial: A trial that runs.
            passed: The highest rung that it has passed; -1 for none.
        """
        if not trial.intermediate_values or max(trial.intermediate_values) >= full_length(trials):
            return None
        rung = self._rung(trials, trial)
        return rung if rung > max(passed, self._first - 1) else None

    def going_on(
        self, trials: Sequence[FrozenTrial], rung: int, *, maximize: bool, at_least_one: bool = False
    ) -> list[int]:
        """Return the numbers of the trials that may go on from a rung, the best first.

        They are the best of all that have reached it, one in `reduction_factor`, rounded down. Failed trials have no
        place there. A trial whose value is not a number takes a place and never goes on.

        Args:
            trials: All that count in the study.
            rung: As `rung_of` counts them.
            maximize: Whether larger values are better.
            at_least_one: Whether the best goes on also where there are fewer than `reduction_factor`: no trial is left
                to begin, so that nobody else will come.
        """
        progress, sign = progress_of(trials), -1.0 if maximize else 1.0
        there: list[tuple[bool, float, int]] = []
        for trial in trials:
            value = progress.value_at(trial.intermediate_values, rung, self._factor)
            if value is not None and trial.state != TrialState.FAIL:
                there.append((math.isnan(value), 0.0 if math.isnan(value) else sign * value, trial.number))
        most = max(len(there) // self._factor, 1 if at_least_one else 0)
        return [number for is_nan, _, number in sorted(there)[:most] if not is_nan]

    def _rung(self, trials: Sequence[FrozenTrial], trial: FrozenTrial) -> int:
        return progress_of(trials).rung(max(trial.intermediate_values), self._factor)
