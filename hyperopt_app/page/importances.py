# SPDX-License-Identifier: MIT
"""Compute what sets the good trials apart, with its uncertainty, by Optuna's PED-ANOVA."""

import random
import warnings
from collections.abc import Callable, Collection, Sequence
from statistics import fmean, pstdev
from typing import TYPE_CHECKING

from hyperopt_app.budget.hidden import without

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["QUANTILE_OF_GOOD", "shares_among_best"]

# That of the summary (`looking/matters.py`), so that both say the same.
QUANTILE_OF_GOOD = 0.25
_DRAWS = 8
# With fewer, the best quarter of a half is a trial or two.
_LEAST_TRIALS = 20
_MOST_TRIALS = 1000


def shares_among_best(
    study: "optuna.Study", complete: Sequence["FrozenTrial"], hidden: Collection[int], index: int
) -> dict[str, tuple[float, float]]:
    """Return each parameter's share in what tells the best quarter of the trials from the others.

    Args:
        study: The study; only read.
        complete: Its complete trials that count.
        hidden: Numbers of all other complete trials.
        index: Which of the optimised values.

    Returns:
        The mean and the standard deviation over several random halves of the trials, by name; empty where there are
        too few trials, or no parameter that all of them have.
    """
    import optuna.importance as optuna_importance

    direction = study.directions[index].name
    evaluator = optuna_importance.PedAnovaImportanceEvaluator(target_quantile=QUANTILE_OF_GOOD)
    chosen = [trial.number for trial in complete]
    shares: dict[str, list[float]] = {}
    for draw in range(_DRAWS if len(chosen) >= _LEAST_TRIALS else 0):
        half = random.Random(draw).sample(chosen, min(_MOST_TRIALS, -(-len(chosen) // 2)))
        seen = without(study, {*hidden, *(set(chosen) - set(half))})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                measured = optuna_importance.get_param_importances(
                    seen, evaluator=evaluator, target=_loss(index, is_maximum=direction == "MAXIMIZE")
                )
        except (RuntimeError, ValueError):  # all values are equal, or there are too few
            continue
        for name, share in measured.items():
            shares.setdefault(name, []).append(float(share))
    return {name: (round(fmean(values), 4), round(pstdev(values), 4)) for name, values in shares.items()}


def _loss(index: int, *, is_maximum: bool) -> Callable[["FrozenTrial"], float]:
    """Return what gives a trial's value so that a smaller one is better, as the evaluator wants it of a target."""
    sign = -1.0 if is_maximum else 1.0

    def loss(trial: "FrozenTrial") -> float:
        return sign * float(trial.values[index])

    return loss
