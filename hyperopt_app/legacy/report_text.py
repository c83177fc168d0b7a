# SPDX-License-Identifier: MIT
"""What the report says of a study, in the original's words; pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hyperopt_app import _trials

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["best_lines", "importance_lines", "summary_lines"]

_STATES = ("COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING")


def summary_lines(trials: Sequence["FrozenTrial"], n_trials: int) -> list[str]:
    """How many trials are in which state, and the time that they took and will take.

    Args:
        trials: All trials of the study.
        n_trials: How many complete and pruned ones are asked for.
    """
    states = Counter(trial.state.name for trial in trials)
    lines = ["Summary statistics for the current study:", f"\tTotal number of trials in the study: {len(trials)}"]
    lines += [f"\tTrials with state {state}: {states[state]}" for state in _STATES if states[state]]
    lines.append(f"\tRequested number of trials: {n_trials}")
    hours = [_trials.duration_s(trial) or 0.0 for trial in trials if trial.state.name in ("COMPLETE", "PRUNED")]
    if not hours:
        return lines
    hours = [seconds / 3600 for seconds in hours]
    mean = sum(hours) / len(hours)
    lines.append(f"\tTotal study simulation run time: {sum(hours):.4f} hrs")
    lines.append(f"\tAverage trial simulation run time: {mean:.4f} hrs")
    lines.append(f"\tThe longest trial took {max(hours):.4f} hrs")
    if len(hours) < n_trials:
        lines.append(f"\tEstimated remaining simulation time needed: {(n_trials - len(hours)) * mean:.4f} hrs")
    return lines


def best_lines(
    best: Sequence["FrozenTrial"],
    params_of: Callable[["FrozenTrial"], Mapping[str, Any]],
    *,
    is_single: bool,
    top_k: int = 1,
) -> list[str]:
    """The best trial, or the first of the Pareto front.

    Args:
        best: From `_trials.best_trials`.
        params_of: Gives a trial's parameters.
        is_single: Whether one value is optimised.
        top_k: How many trials of a Pareto front are told.
    """
    if not best:
        return ["No trial is complete yet."]
    if is_single:
        lines = [f"Best trial value: {best[0].value}", f"Best trial number: {best[0].number}"]
        return [*lines, "Best parameters in the study:", *_params("\t", params_of(best[0]))]
    lines = [f"Number of trials on the pareto front: {len(best)}", "Best parameters in the study:"]
    for rank, trial in enumerate(best[:top_k], start=1):
        lines += [f"\tTrial number: {trial.number}\tPareto rank: {rank}", f"\tMetrics values: {trial.values}"]
        lines += _params("\t\t", params_of(trial))
    return lines


def _params(indent: str, params: Mapping[str, Any]) -> list[str]:
    return [f"{indent}{name}: {value}" for name, value in params.items()]


def importance_lines(metric: str, fanova: Mapping[str, float], mdi: Mapping[str, float]) -> list[str]:
    """The importances of the parameters for a metric, the most important first."""
    width = max([len("Parameter"), *map(len, fanova)])
    lines = [f"Parameter importances, metric: {metric}", f"\t{'Parameter':<{width}}  fANOVA    MDI"]
    ordered = sorted(fanova, key=lambda name: -fanova[name])
    return [*lines, *(f"\t{name:<{width}}  {fanova[name]:.6f}  {mdi.get(name, 0.0):.6f}" for name in ordered)]
