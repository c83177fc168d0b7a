# SPDX-License-Identifier: MIT
"""Small searches in memory with the sampler `curves`, a sampler made anew for each trial as a worker does."""

from collections.abc import Callable, Sequence

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from hyperopt_app.sampling.curves.sampler import CurvesSampler


def searched(
    study: optuna.Study,
    objective: Callable[[optuna.Trial], Sequence[float]],
    n_trials: int,
    sampler: Callable[[], BaseSampler] = lambda: CurvesSampler(seed=3),
    pruner: BasePruner | None = None,
    steps: Sequence[int] = range(1, 1000),
) -> optuna.Study:
    """Run so many trials one after the other; the objective returns a learning curve, reported at the steps."""
    study.pruner = pruner or optuna.pruners.NopPruner()
    for _ in range(n_trials):
        study.sampler = sampler()
        trial = study.ask()
        curve = objective(trial)
        for step, value in zip(steps, curve, strict=False):
            trial.report(value, step)
            if trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, curve[-1])
    return study


def bowl(trial: optuna.Trial) -> list[float]:
    """A curve that falls towards a bowl's value, with a category and a whole number."""
    x, y = trial.suggest_float("x", 0.0, 1.0), trial.suggest_float("y", 1e-3, 1.0, log=True)
    n, kind = trial.suggest_int("n", 1, 8), trial.suggest_categorical("kind", ["a", "b", None])
    loss = (x - 0.3) ** 2 + (y - 0.1) ** 2 + 0.02 * abs(n - 5) + (0.0 if kind == "b" else 0.3)
    return [loss + 1 / step for step in (1, 2, 4, 8)]
