# SPDX-License-Identifier: MIT
"""Look, at each checkpoint of a trial, whether the trial or its worker is to end there."""

from collections.abc import Callable
from dataclasses import dataclass

import optuna

from hyperopt_app.budget.hidden import whole
from hyperopt_app.cost.cost_budget import CostBudget
from hyperopt_app.study.stopping import read_stop, write_stop
from hyperopt_app.worker.interrupts import Interrupts

__all__ = ["EarlyEnd"]


@dataclass(frozen=True)
class EarlyEnd:
    """Ends the trials of one worker at their checkpoints, where that is wanted.

    Attributes:
        interrupts: Asks the trial, or this worker, to end.
        parks: Asks whether a trial that has written a checkpoint is to end there and wait.
        cost_budget: What the study may cost; None for no look at it.
    """

    interrupts: Interrupts
    parks: Callable[[optuna.Trial], bool]
    cost_budget: CostBudget | None = None

    def look(self, trial: optuna.Trial) -> None:
        """Ask the trial to end here, if it is to wait; this worker, if the study is to stop now."""
        study = trial.study
        if not self.interrupts.is_for_trial and self.parks(trial):
            self.interrupts.end_trial()
        stop = read_stop(study)
        if stop is None and self.cost_budget is not None:
            stop = self.cost_budget.stop_meanwhile(whole(study))
            if stop is not None:
                write_stop(study, stop)
        if stop is not None and stop.ends_running and not self.interrupts.wishes:
            self.interrupts.end(for_study=True)
