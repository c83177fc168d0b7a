# SPDX-License-Identifier: MIT
"""How much each parameter matters for an objective, by Optuna's PED-ANOVA, which takes milliseconds."""

import warnings
from typing import TYPE_CHECKING

from hyperopt_app.budget.hidden import without
from hyperopt_app.looking.view import View

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["LEAST_TRIALS", "QUANTILE_OF_GOOD", "importances_of"]

# Of complete trials; fewer say nothing of a parameter.
LEAST_TRIALS = 10
# What sets the best quarter apart from the rest is less noisy than what sets the best tenth apart.
QUANTILE_OF_GOOD = 0.25


def importances_of(view: View, objective: int = 0) -> dict[str, float]:
    """Return each parameter's share in what sets the best quarter of the trials apart, the greatest first.

    The shares add up to 1. Empty with fewer than ten complete trials, without parameters, or where all values are
    equal.
    """
    import optuna.importance as optuna_importance

    def target(trial: "FrozenTrial") -> float:
        return view.loss(float(trial.values[objective]), objective)

    complete = view.in_state("complete")
    if len(complete) < LEAST_TRIALS or len({target(trial) for trial in complete}) == 1:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = optuna_importance.PedAnovaImportanceEvaluator(target_quantile=QUANTILE_OF_GOOD)
        try:
            shares = optuna_importance.get_param_importances(
                without(view.study, view.aside), evaluator=evaluator, target=target
            )
        except (RuntimeError, ValueError):  # such as values that cannot be ordered
            return {}
    return {name: float(share) for name, share in shares.items()}
