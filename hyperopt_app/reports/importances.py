# SPDX-License-Identifier: MIT
"""Compute how important each parameter is for each metric, by two of Optuna's measures, as lines of text."""

import random
import warnings
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from hyperopt_app.budget.hidden import without
from hyperopt_app.reports.summary import importance_lines

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["importances"]

# Optuna's functional ANOVA takes longer than all else: 7 s for 500 trials of six parameters.
_MOST_TRIALS = 400


def importances(
    study: "optuna.Study", metrics: Sequence[str], hidden: Collection[int], *, n_trees: int, max_depth: int
) -> list[str]:
    """Format the importances for every metric as lines; empty with fewer than two complete trials.

    Args:
        study: The study; only read.
        metrics: Names of the optimised values.
        hidden: Numbers of trials that do not count.
        n_trees: Trees of the forests.
        max_depth: Their greatest depth.
    """
    trials = without(study, hidden).get_trials(deepcopy=False)
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if len(complete) < 2:
        return []
    few = complete
    if len(complete) > _MOST_TRIALS:
        few = random.Random(0).sample(complete, _MOST_TRIALS)
    left_out = {trial.number for trial in complete} - {trial.number for trial in few}
    seen = without(study, {*hidden, *left_out})
    lines = list[str]()
    for index, metric in enumerate(metrics):
        lines += _of_metric(seen, len(few), index, metric, n_trees, max_depth)
    if left_out:
        lines.append(f"The importances are those of {len(few)} of the {len(complete)} complete trials, drawn at random")
    return lines


def _of_metric(
    study: "optuna.Study", n_trials: int, index: int, metric: str, n_trees: int, max_depth: int
) -> list[str]:
    import optuna.importance as optuna_importance

    def target(trial: "FrozenTrial") -> float:
        return float(trial.values[index])

    fanova = optuna_importance.FanovaImportanceEvaluator(n_trees=n_trees, max_depth=max_depth, seed=0)
    mdi = optuna_importance.MeanDecreaseImpurityImportanceEvaluator(n_trees=n_trees, max_depth=max_depth, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            both = [
                optuna_importance.get_param_importances(study, evaluator=evaluator, target=target)
                for evaluator in (fanova, mdi)
            ]
        except (RuntimeError, ValueError) as error:  # all values are equal, or no parameter is common to all trials
            return [f"No importances for {metric} from {n_trials} trials: {error}"]
    if not both[0]:
        return [f"No importances for {metric}: the complete trials have no parameter in common."]
    return importance_lines(metric, *both)
