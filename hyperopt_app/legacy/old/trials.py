# SPDX-License-Identifier: MIT
"""Convert the trials of an old study into the form of this package. Opens no storage.

Numbers, values, learning curves, attributes and times are kept. Choices are spelled as in the search space, running
and waiting trials become failed, and old kinds of distributions become current ones.
"""

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
)
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.space.override_text import value_of_choice
from hyperopt_app.space.space import describe

__all__ = [
    "CLOSED",
    "CLOSED_WHY",
    "conversion_faults",
    "converted",
    "is_counted",
    "spelled",
    "waiting_points",
    "would_change",
]

# User attribute of a trial that was closed; it says in which state it was found.
CLOSED = "closed"
CLOSED_WHY = "it was left like this in the study that was imported"

_NOT_THERE = object()


def is_counted(trial: FrozenTrial) -> bool:
    """Whether the original counts the trial towards `n_trials`."""
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED)


def conversion_faults(
    trials: Iterable[FrozenTrial], space: Mapping[str, BaseDistribution], *, may_respell: bool = True
) -> list[str]:
    """Say why the space's study cannot hold the old trials; other bounds are allowed.

    Args:
        trials: The old trials.
        space: Name of a parameter to what the hyperparameter file searches.
        may_respell: Whether choices may be spelled in another way or order; not where trials stay where they are.
    """
    unusable: dict[tuple[str, str], None] = {}
    seen: set[tuple[str, str]] = set()
    for trial in trials:
        for name, old in trial.distributions.items():
            if name not in space or (name, repr(old)) in seen:
                continue
            seen.add((name, repr(old)))
            if not _fits(old, space[name], may_respell=may_respell):
                unusable[name, describe(_modern(old))] = None
    return [
        f"parameter {name}: the old study searched {old}, the hyperparameter file searches {describe(space[name])}; "
        "a study cannot hold both: set the file back, or begin another study under another study_name"
        for name, old in unusable
    ]


def _fits(old: BaseDistribution, new: BaseDistribution, *, may_respell: bool) -> bool:
    if isinstance(old, CategoricalDistribution) and isinstance(new, CategoricalDistribution) and may_respell:
        counterparts = [spelled(choice, new) for choice in old.choices]
        return len(old.choices) == len(new.choices) and _NOT_THERE not in counterparts
    try:
        check_distribution_compatibility(_modern(old), new)
    except ValueError:
        return False
    return True


def spelled(choice: Any, distribution: CategoricalDistribution) -> Any:
    """Return the choice of the distribution that equals or means this one: `null` for None, `[mae]` for a list."""
    for other in distribution.choices:
        if type(other) is type(choice) and other == choice:
            return other
    for other in distribution.choices:
        if isinstance(other, str) and type(_meaning(other)) is type(choice) and _meaning(other) == choice:
            return other
    return _NOT_THERE


@lru_cache(maxsize=10_000)
def _meaning(text: str) -> Any:
    return value_of_choice(text)  # Hydra's parser takes a millisecond, and each old trial asks for the same few texts


def converted(
    trial: FrozenTrial, space: Mapping[str, BaseDistribution], *, objectives: int, in_curve: bool, now: datetime
) -> FrozenTrial:
    """Convert a trial to the form in which it is imported.

    Args:
        trial: The old trial; it is not changed.
        space: Name of a parameter to what the hyperparameter file searches; `conversion_faults` found no fault.
        objectives: Number of values.
        in_curve: The values stand in the intermediate values, as Optuna's first studies of several objectives
            (`optuna.multi_objective`) kept them.
        now: When a trial that was waiting is closed.
    """
    taken = copy.deepcopy(trial)
    pairs = {name: _respelled(trial.params[name], old, space.get(name)) for name, old in trial.distributions.items()}
    taken.params = {name: value for name, (value, _) in pairs.items()}
    taken.distributions = {name: distribution for name, (_, distribution) in pairs.items()}
    if in_curve:
        curve = trial.intermediate_values
        is_whole = trial.state == TrialState.COMPLETE and all(step in curve for step in range(objectives))
        taken.values = [curve[step] for step in range(objectives)] if is_whole else None
        taken.intermediate_values = {}
    if not taken.state.is_finished() or _lacks_value(taken):
        return _closed(taken, now)
    if taken.state == TrialState.FAIL:
        taken.values = None
    taken.datetime_start = taken.datetime_start or taken.datetime_complete or now
    taken.datetime_complete = taken.datetime_complete or taken.datetime_start
    return taken


def would_change(trial: FrozenTrial) -> bool:
    """Whether an ended trial can only be taken over in another form: of kinds that Optuna has given up, or no value."""
    is_old = any(_modern(distribution) is not distribution for distribution in trial.distributions.values())
    return is_old or _lacks_value(trial)


def _lacks_value(trial: FrozenTrial) -> bool:
    values: Sequence[float] | None = trial.values
    return trial.state == TrialState.COMPLETE and (values is None or any(map(math.isnan, values)))


def _closed(trial: FrozenTrial, now: datetime) -> FrozenTrial:
    trial.user_attrs = {
        **trial.user_attrs,
        CLOSED: {"was": trial.state.name, "why": CLOSED_WHY},
    }
    trial.state, trial.values = TrialState.FAIL, None
    trial.datetime_start = trial.datetime_start or now
    # When it really ended nobody knows; a long duration would be taken for the time that trials need.
    trial.datetime_complete = trial.datetime_complete or trial.datetime_start
    return trial


def _respelled(value: Any, old: BaseDistribution, new: BaseDistribution | None) -> tuple[Any, BaseDistribution]:
    if isinstance(old, CategoricalDistribution):
        return (spelled(value, new), new) if isinstance(new, CategoricalDistribution) else (value, old)
    return value, _containing(_modern(old), value)


def _modern(distribution: BaseDistribution) -> BaseDistribution:
    """Replace a kind of distribution that Optuna has removed by its current class."""
    if type(distribution) in (FloatDistribution, IntDistribution, CategoricalDistribution):
        return distribution
    if isinstance(distribution, IntDistribution):
        return IntDistribution(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
    if isinstance(distribution, FloatDistribution):
        return FloatDistribution(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
    return distribution


def _containing(distribution: BaseDistribution, value: float) -> BaseDistribution:
    """Widen the range to include a point that a user enqueued outside of it."""
    if isinstance(distribution, FloatDistribution):
        low, high = min(distribution.low, value), max(distribution.high, value)
        is_inside = low == distribution.low and high == distribution.high
        return distribution if is_inside else FloatDistribution(low, high, log=distribution.log)
    if isinstance(distribution, IntDistribution):
        whole = int(value)
        low, high = min(distribution.low, whole), max(distribution.high, whole)
        is_inside = low == distribution.low and high == distribution.high
        return distribution if is_inside else IntDistribution(low, high, log=distribution.log)
    return distribution


def waiting_points(trials: Iterable[FrozenTrial], space: Mapping[str, BaseDistribution]) -> list[dict[str, Any]]:
    """Return the enqueued points that were not tried, without choices that the space does not know."""
    points = []
    for trial in trials:
        fixed = trial.system_attrs.get("fixed_params")
        if trial.state != TrialState.WAITING or not isinstance(fixed, Mapping):
            continue
        point = {name: _enqueued(value, space.get(name)) for name, value in fixed.items()}
        points.append({name: value for name, value in point.items() if value is not _NOT_THERE})
    return points


def _enqueued(value: Any, new: BaseDistribution | None) -> Any:
    return spelled(value, new) if isinstance(new, CategoricalDistribution) else value
