# SPDX-License-Identifier: MIT
"""A pruner of a module beside the script."""

from optuna import Study
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial


class Above(BasePruner):
    """Prunes what reports more than a limit."""

    def __init__(self, limit: float) -> None:
        """Keep the limit."""
        self._limit = limit

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the last report is above the limit."""
        step = trial.last_step
        return step is not None and trial.intermediate_values[step] > self._limit
