# SPDX-License-Identifier: MIT
"""Teach TPE from failed trials: what ran out of memory, or diverged, is no place to look again.

Optuna's samplers pass over failed trials. Here TPE gets a view of the study in which such trials have ended with a
violated constraint, which Optuna ranks below every other trial; in the storage they stay failed. Since a good region
may end at the border of the bad one, where TPE goes on proposing, a proposal near to which trials have failed is
drawn again, a few times. Runs in workers.
"""

import copy
import heapq
import math
from collections.abc import Container, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.failures import TEACHING

__all__ = ["is_infeasible", "risk", "taught"]

_CONSTRAINT = "constraints:feasible"
# The nearest tried points that are looked at: one, and as many more for each failure among the last trials, so that a
# search which has just failed keeps further away from where it did.
_PER_FAILURE = 1
_LATEST = 20
# A proposal with a failed one among them is drawn again, so often; then the least risky one is taken.
_DRAWS = 16
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


def taught(sampler: BaseSampler) -> BaseSampler:
    """The sampler, taught from failed trials if it is TPE; the others stay as they are."""
    return _Taught(sampler) if isinstance(sampler, TPESampler) else sampler


def is_infeasible(trial: FrozenTrial) -> bool:
    """Whether the trial failed because of its parameters."""
    return trial.state == TrialState.FAIL and trial.user_attrs.get("failure", {}).get("kind") in TEACHING


def risk(
    proposal: Mapping[str, Any], tried: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution]
) -> tuple[int, float]:
    """How much speaks against a proposal, smaller is better; pure.

    Args:
        proposal: Values by key.
        tried: Trials that have ended, or failed because of their parameters.
        space: The distributions of the proposal's keys.

    Returns:
        How many of the nearest tried points, in the searched range scaled to one, have failed; and the negative
        squared distance to the nearest failed one.
    """
    known = [trial for trial in tried if space.keys() <= trial.params.keys()]
    place = {key: _scaled(space[key], proposal[key]) for key in space}
    gaps = [(sum(_gap(space[key], place[key], trial.params[key]) ** 2 for key in space), trial) for trial in known]
    latest = sorted(known, key=lambda trial: trial.number)[-_LATEST:]
    neighbours = 1 + _PER_FAILURE * sum(map(is_infeasible, latest))
    nearest = heapq.nsmallest(neighbours, gaps, key=lambda pair: pair[0])
    failed = [gap for gap, trial in gaps if is_infeasible(trial)]
    return sum(is_infeasible(trial) for _, trial in nearest), -min(failed, default=math.inf)


def _gap(distribution: BaseDistribution, here: float, value: Any) -> float:
    if isinstance(distribution, CategoricalDistribution):
        return float(here != _scaled(distribution, value))
    return here - _scaled(distribution, value)


def _scaled(distribution: BaseDistribution, value: Any) -> float:
    if isinstance(distribution, CategoricalDistribution):
        return float(distribution.to_internal_repr(value))
    low, high, number = distribution.low, distribution.high, value  # type: ignore[attr-defined]
    if distribution.log:  # type: ignore[attr-defined]
        low, high, number = math.log(low), math.log(high), math.log(number)
    return float((number - low) / (high - low)) if high > low else 0.0


class _View(optuna.Study):
    """A study in which trials that failed because of their parameters have ended with a violated constraint."""

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        trials = super()._get_trials(deepcopy=deepcopy, states=states, use_cache=use_cache)
        if states is None or TrialState.PRUNED not in states:
            return trials
        failed = super()._get_trials(deepcopy=False, states=(TrialState.FAIL,), use_cache=use_cache)
        lessons = [_lesson(trial) for trial in failed if is_infeasible(trial)]
        return sorted([*trials, *lessons], key=lambda trial: trial.number) if lessons else trials


def _lesson(trial: FrozenTrial) -> FrozenTrial:
    lesson = copy.copy(trial)
    lesson.state = TrialState.PRUNED
    lesson.system_attrs = {**trial.system_attrs, _CONSTRAINT: 1.0}
    return lesson


def _view(study: optuna.Study) -> optuna.Study:
    view = copy.copy(study)
    view.__class__ = _View
    return view


class _Taught(BaseSampler):
    """Delegates everything to `wrapped`, with the view in the place of the study if there is something to learn."""

    def __init__(self, sampler: BaseSampler) -> None:
        self.wrapped = sampler

    def __str__(self) -> str:
        return str(self.wrapped)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """As the wrapped sampler."""
        return self.wrapped.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The wrapped sampler's proposal, or the least risky of several."""
        tried = self._tried(study)
        if tried is None:
            return self.wrapped.sample_relative(study, trial, search_space)
        view = _view(study)
        best, least = self.wrapped.sample_relative(view, trial, search_space), (len(tried) + 1, 0.0)
        proposal = best
        for _ in range(_DRAWS):
            if not proposal:  # too few trials yet
                break
            against = risk(proposal, tried, search_space)
            if against < least:
                best, least = proposal, against
            if against[0] == 0:
                break
            proposal = self.wrapped.sample_relative(view, trial, search_space)
        return best

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """As the wrapped sampler, with the view in the place of the study."""
        if self._tried(study) is not None:
            study = _view(study)
        return self.wrapped.sample_independent(study, trial, param_name, param_distribution)

    def _tried(self, study: optuna.Study) -> list[FrozenTrial] | None:
        """The trials to learn from; None if none has failed because of its parameters."""
        trials = study._get_trials(deepcopy=False, use_cache=True)
        if not any(is_infeasible(trial) for trial in trials):
            return None
        return [trial for trial in trials if trial.state in _ENDED or is_infeasible(trial)]

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """As the wrapped sampler."""
        self.wrapped.before_trial(study, trial)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """As the wrapped sampler."""
        self.wrapped.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """As the wrapped sampler."""
        self.wrapped.reseed_rng()
