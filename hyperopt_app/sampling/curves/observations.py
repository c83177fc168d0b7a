# SPDX-License-Identifier: MIT
"""Read from a study's trials what the model learns from: reports of every trial, whatever has become of it.

Reports of running, interrupted and pruned trials count as those of complete ones do. A trial that failed because of
its parameters, and a value that is not finite, counts as the worst. All that a trial has reported which violates a
constraint ranks below the others, by the sum of its violations.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.sampling.curves.activity import Places, Tree, common_space
from hyperopt_app.sampling.curves.cube import Cube, Floats
from hyperopt_app.sampling.curves.progress import Progress
from hyperopt_app.sampling.failure_aware_tpe import is_infeasible

__all__ = ["Observations", "has_curves", "learning", "normal_scores", "observe", "progress_of", "subset"]

# Of a long curve so many reports count for each threefold of its length; they are much alike.
_THREEFOLD, _REPORTS_PER_THREEFOLD = 3, 3
# Of a subset, the share with the best scores; the others are drawn at random.
_SHARE_OF_BEST = 2 / 3
_OPEN = (TrialState.RUNNING, TrialState.WAITING)
_FIRST_REPEAT = "repeat:0"  # the attribute of a trial whose first repeat has finished


@dataclass(frozen=True)
class Observations:
    """What a study's trials have reported.

    Attributes:
        places: Maps parameters to places.
        rows: Place and progress of each report, shape (n, width + 1).
        scores: What was reported, larger is better, as quantiles of the normal distribution, shape (n,).
        going: Place and end of each trial that runs or will go on, shape (m, width + 1).
        ends: The same of each trial that has reported or is going, shape (k, width + 1).
        has_repeats: Whether configurations are trained with several seeds, so that reports are means over some of them.
    """

    places: Places
    rows: Floats
    scores: Floats
    going: Floats
    ends: Floats
    has_repeats: bool = False


def learning(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials from which the model learns, by number: those with parameters that are open or teach."""
    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    counting = (trial for trial in trials if trial.params and (trial.state in (*_OPEN, *ended) or is_infeasible(trial)))
    return sorted(counting, key=lambda trial: trial.number)


def has_curves(trials: Sequence[FrozenTrial]) -> bool:
    """Whether trials report on the way, so that a trial could be judged before its end.

    Two reports or three are no curve: nothing ends early then, and a search by final values does as well or better.
    """
    if not any(len(trial.intermediate_values) > 1 for trial in trials):
        return False
    steps = {step for trial in trials for step in trial.intermediate_values}
    progress = Progress(steps)
    return any(progress.rung(step, _THREEFOLD) >= 1 for step in steps - {max(steps)})


def progress_of(trials: Sequence[FrozenTrial]) -> Progress:
    """Return the scale of the trials' steps."""
    steps = {step for trial in trials for step in trial.intermediate_values}
    return Progress(steps, is_apart=any(_is_apart(trial) for trial in trials))


def _is_apart(trial: FrozenTrial) -> bool:
    """Whether a complete trial has returned another value than the last one that it reported."""
    if trial.state != TrialState.COMPLETE or not trial.intermediate_values:
        return False
    last = trial.intermediate_values[max(trial.intermediate_values)]
    return not math.isclose(last, float(trial.value or 0.0), rel_tol=1e-6) and math.isfinite(last)


def observe(trials: Sequence[FrozenTrial], *, maximize: bool, tree: Tree | None = None) -> Observations:
    """Return what trials have reported.

    Args:
        trials: What `learning` has returned, at least one of them with a report, an end or a lesson.
        maximize: Whether larger values are better.
        tree: What is known of parameters that not all trials have.
    """
    known = [trial for trial in trials if trial.intermediate_values or trial.state not in _OPEN]
    places = Places(Cube(common_space(known)), known, tree)
    progress, sign = progress_of(trials), 1.0 if maximize else -1.0
    rows, values, excesses, going, ends = list[Floats](), list[float](), list[float](), list[Floats](), list[Floats]()
    for trial in trials:
        place = places.of(trial.params)
        curve = _curve(trial, progress)
        rows += [np.append(place, at) for at in curve]
        values += [sign * value if math.isfinite(value) else math.nan for value in curve.values()]
        excesses += [sum(max(excess, 0.0) for excess in trial.constraints.values())] * len(curve)
        is_going = trial.state in _OPEN and bool(curve or trial.state == TrialState.RUNNING)
        if curve or is_going:
            ends.append(np.append(place, progress.end))
        if is_going:
            going.append(ends[-1])
    width = places.width + 1
    return Observations(
        places,
        _stacked(rows, width),
        normal_scores(_worse(np.array(values), np.array(excesses))),
        _stacked(going, width),
        _stacked(ends, width),
        any(_FIRST_REPEAT in trial.user_attrs for trial in trials),
    )


def _worse(values: Floats, excesses: Floats) -> Floats:
    """Return values that rank what violates a constraint below everything else, the larger violation the lower."""
    if not (excesses > 0).any():
        return values
    finite = values[np.isfinite(values)]
    worst = finite.min() if len(finite) else 0.0
    _, ranks = np.unique(excesses, return_inverse=True)
    worse: Floats = np.where(excesses > 0, worst - (1.0 + abs(worst)) * ranks, values)
    return worse


def _curve(trial: FrozenTrial, progress: Progress) -> dict[float, float]:
    """Return a trial's values by progress, the final one among them."""
    last_in = {}  # of each part of the curve the last step
    for step in sorted(trial.intermediate_values):
        last_in[progress.rung(step, _THREEFOLD ** (1 / _REPORTS_PER_THREEFOLD))] = step
    curve = {progress.of(step): trial.intermediate_values[step] for step in last_in.values()}
    if trial.state == TrialState.COMPLETE:
        curve[progress.end] = float(trial.value if trial.value is not None else math.nan)
    elif is_infeasible(trial):
        curve[progress.end] = math.nan
    return curve


def normal_scores(values: Floats) -> Floats:
    """Return the normal quantiles of the values' ranks; what is not a number ranks with the worst, equals share one.

    Args:
        values: Larger is better, shape (n,); their quantiles are larger then too.
    """
    if not len(values):
        return values
    finite = values[np.isfinite(values)]
    worst = finite.min() if len(finite) else 0.0
    _, place, count = np.unique(np.where(np.isfinite(values), values, worst), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - 0.5 * count) / len(values)
    quantile = statistics.NormalDist().inv_cdf
    scores: Floats = np.array([quantile(rank) for rank in ranks])[place]
    return scores


def _stacked(rows: Sequence[Floats], width: int) -> Floats:
    return np.array(rows, dtype=float).reshape(len(rows), width)


def subset(scores: Floats, most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return which of many reports to learn from: most of them the best, the others drawn at random; ascending.

    Args:
        scores: Of all reports.
        most: How many.
        rng: For the draw.
    """
    if len(scores) <= most:
        return np.arange(len(scores))
    order, best = np.argsort(-scores, kind="stable"), int(_SHARE_OF_BEST * most)
    others = rng.choice(order[best:], most - best, replace=False)
    return np.sort(np.concatenate([order[:best], others]))
