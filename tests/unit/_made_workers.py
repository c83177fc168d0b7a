# SPDX-License-Identifier: MIT
"""What a worker's loop is given in tests: a function as the evaluation of trials, and as the word of a signal."""

from collections.abc import Callable
from dataclasses import dataclass

import optuna

from hyperopt_app.objective.outcomes import Outcome
from hyperopt_app.worker.interruption import Where


@dataclass
class Evaluating:
    """Evaluates trials by a function, in the worker's process."""

    function: Callable[[optuna.Trial], Outcome]
    where: Where = Where.SAME_PROCESS

    def evaluate(self, trial: optuna.Trial, /) -> Outcome:
        """Call the function."""
        return self.function(trial)


@dataclass
class EndAsked:
    """Was asked to end as soon as a function says so."""

    function: Callable[[], bool]

    @property
    def asked_to_end(self) -> bool:
        """Ask the function."""
        return self.function()

    def next_trial(self) -> bool:
        """Never for a trial alone."""
        return False
