# SPDX-License-Identifier: MIT
"""Compose the text summary of a study, worded like the report of echo-opt."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hyperopt_app.study import trial_facts

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["best_lines", "chosen_line", "importance_lines", "summary_lines"]

_STATES = ("COMPLETE", "PRUNED", "FAIL", "RUNNING")


def summary_lines(trials: Sequence["FrozenTrial"], n_trials: int, waiting: int = 0) -> list[str]:
    """List how many trials are in which state, and the time that they took and will take.

    Args:
        trials: The trials of the study that somebody has begun.
        n_trials: How many are asked for.
        waiting: How many are still to be tried.
    """
    states = Counter(trial.state.name for trial in trials)
    lines = ["Summary statistics for the current study:", f"\tTotal number of trials in the study: {len(trials)}"]
    lines += [f"\tTrials with state {state}: {states[state]}" for state in _STATES if states[state]]
    if waiting:
        lines.append(f"\tStill to be tried: {waiting}")
    lines.append(f"\tRequested number of trials: {n_trials}")
    hours = [trial_facts.duration_s(trial) or 0.0 for trial in trials if trial.state.name in ("COMPLETE", "PRUNED")]
    if not hours:
        return lines
    hours = [seconds / 3600 for seconds in hours]
    mean = sum(hours) / len(hours)
    lines.append(f"\tTotal study simulation run time: {sum(hours):.4f} hrs")
    lines.append(f"\tAverage trial simulation run time: {mean:.4f} hrs")
    lines.append(f"\tThe longest trial took {max(hours):.4f} hrs")
    if waiting:
        lines.append(f"\tEstimated remaining simulation time needed: {waiting * mean:.4f} hrs")
    return lines


def best_lines(
    best: Sequence["FrozenTrial"],
    params_of: Callable[["FrozenTrial"], Mapping[str, Any]],
    *,
    is_single: bool,
    top_k: int = 1,
) -> list[str]:
    """Describe the best trial, or the first of the Pareto front in the order of their numbers.

    Args:
        best: From `trial_facts.best_trials`.
        params_of: Gives a trial's parameters.
        is_single: Whether one value is optimised.
        top_k: How many trials of a Pareto front are listed.
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
    if len(best) > top_k:
        lines.append(f"\t{len(best) - top_k} more on the pareto front; -k {len(best)} shows all")
    return lines


def chosen_line(best: Sequence["FrozenTrial"]) -> str:
    """Say which trial of a Pareto front best.yml contains, and why."""
    number = best[0].number
    return f"\tIt is trial {number}: of the {len(best)} on the pareto front the one with the lowest number, as ever"


def _params(indent: str, params: Mapping[str, Any]) -> list[str]:
    return [f"{indent}{name}: {value}" for name, value in params.items()]


def importance_lines(metric: str, fanova: Mapping[str, float], mdi: Mapping[str, float]) -> list[str]:
    """List the importances of the parameters for a metric, the most important first."""
    width = max([len("Parameter"), *map(len, fanova)])
    lines = [f"Parameter importances, metric: {metric}", f"\t{'Parameter':<{width}}  fANOVA    MDI"]
    ordered = sorted(fanova, key=lambda name: -fanova[name])
    return [*lines, *(f"\t{name:<{width}}  {fanova[name]:.6f}  {mdi.get(name, 0.0):.6f}" for name in ordered)]
