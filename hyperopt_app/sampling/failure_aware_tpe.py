# SPDX-License-Identifier: MIT
"""Make TPE samplers learn from trials that ran out of memory or diverged.

Optuna's samplers ignore failed trials. Here TPE gets a view of the study in which such trials are complete with a
violated constraint, which Optuna ranks below every other trial; in the storage they stay failed. A good region may
end where the failing one begins, and TPE would keep proposing points there, so candidates close to failed trials are
excluded. Runs in workers.
"""

import contextlib
import copy
import math
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.objective.failure_kinds import TEACHING
from hyperopt_app.sampling.forwarding import ForwardingSampler

__all__ = ["failure_aware", "is_infeasible", "risks"]

_CONSTRAINT = "constraints:feasible"
# The nearest tried points that are looked at: one, and as many more for each failure among the last trials, so that a
# search which has just failed keeps further away from where it did.
_PER_FAILURE = 1
_LATEST = 20
# So many times TPE's own number of candidates, since most of them may be near failures.
_CANDIDATES = 4
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)

Floats = NDArray[np.float64]


def failure_aware(sampler: BaseSampler) -> BaseSampler:
    """Return a sampler that learns from failed trials if it is TPE; other samplers are returned unchanged."""
    return _FailureAwareTPE(sampler) if isinstance(sampler, TPESampler) else sampler


def is_infeasible(trial: FrozenTrial) -> bool:
    """Whether the trial failed because of its parameters."""
    return trial.state == TrialState.FAIL and trial.user_attrs.get("failure", {}).get("kind") in TEACHING


def risks(
    candidates: Mapping[str, Sequence[Any]], tried: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution]
) -> tuple[Floats, Floats]:
    """Return the risk of failure of each candidate point.

    Args:
        candidates: Their values, by key.
        tried: Trials that have ended, or failed because of their parameters.
        space: The distributions of the keys.

    Returns:
        For each point how many of the nearest tried ones, in the searched range scaled to one, have failed; and the
        squared distance to the nearest failed one (infinity without one).
    """
    known = [trial for trial in tried if space.keys() <= trial.params.keys()]
    count = len(next(iter(candidates.values())))
    if not known:
        return np.zeros(count), np.full(count, math.inf)
    gaps = np.zeros((count, len(known)))
    for key, distribution in space.items():
        points = np.array([_scaled(distribution, value) for value in candidates[key]])
        there = np.array([_scaled(distribution, trial.params[key]) for trial in known])
        apart = points[:, None] - there[None, :]
        gaps += apart != 0 if isinstance(distribution, CategoricalDistribution) else apart**2
    has_failed = np.array([is_infeasible(trial) for trial in known])
    latest = sorted(known, key=lambda trial: trial.number)[-_LATEST:]
    neighbours = min(len(known), 1 + _PER_FAILURE * sum(map(is_infeasible, latest)))
    nearest = np.argpartition(gaps, neighbours - 1, axis=1)[:, :neighbours]
    return has_failed[nearest].sum(axis=1).astype(float), np.where(has_failed, gaps, math.inf).min(axis=1)


def _acquisition_away_from_failures(gains: Floats, failed: Floats, distances: Floats) -> Floats:
    """Return TPE's acquisition with risky candidates excluded; if all are risky, prefer the safest."""
    if failed.min() == 0:
        return np.where(failed == 0, gains, -math.inf)
    return np.where(failed == failed.min(), distances, -math.inf)


def _scaled(distribution: BaseDistribution, value: Any) -> float:
    if isinstance(distribution, CategoricalDistribution):
        return float(distribution.to_internal_repr(value))
    low, high, number = distribution.low, distribution.high, value  # type: ignore[attr-defined]
    if distribution.log:  # type: ignore[attr-defined]
        low, high, number = math.log(low), math.log(high), math.log(number)
    return float((number - low) / (high - low)) if high > low else 0.0


class _View(optuna.Study):
    """A view of a study in which trials that failed because of their parameters violate a constraint."""

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        trials = super()._get_trials(deepcopy=deepcopy, states=states, use_cache=use_cache)
        if states is None or TrialState.PRUNED not in states:
            return trials
        failed = super()._get_trials(deepcopy=False, states=(TrialState.FAIL,), use_cache=use_cache)
        lessons = [_as_infeasible(trial) for trial in failed if is_infeasible(trial)]
        return sorted([*trials, *lessons], key=lambda trial: trial.number) if lessons else trials


def _as_infeasible(trial: FrozenTrial) -> FrozenTrial:
    lesson = copy.copy(trial)
    lesson.state = TrialState.PRUNED
    lesson.system_attrs = {**trial.system_attrs, _CONSTRAINT: 1.0}
    return lesson


def _view(study: optuna.Study) -> optuna.Study:
    view = copy.copy(study)
    view.__class__ = _View
    return view


@contextlib.contextmanager
def _careful(sampler: Any, tried: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution]) -> Iterator[None]:
    """Let TPE choose among more candidates, without those close to failures, while the body runs."""
    judge, count = sampler._compute_acquisition_func, sampler._n_ei_candidates

    def judged(samples: Mapping[str, Floats], *estimators: Any) -> Floats:
        # With TPE's `group` these are some of the keys.
        part = {key: space[key] for key in samples}
        values = {key: [part[key].to_external_repr(value) for value in column] for key, column in samples.items()}
        return _acquisition_away_from_failures(judge(samples, *estimators), *risks(values, tried, part))

    sampler._compute_acquisition_func, sampler._n_ei_candidates = judged, _CANDIDATES * count
    try:
        yield
    finally:
        del sampler._compute_acquisition_func
        sampler._n_ei_candidates = count


class _FailureAwareTPE(ForwardingSampler):
    """Forwards everything to `wrapped`, with the view instead of the study once failures exist."""

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Sample with the wrapped sampler, without candidates close to failures."""
        tried = self._tried(study)
        if tried is None:
            return self.wrapped.sample_relative(study, trial, search_space)
        with _careful(self.wrapped, tried, search_space):
            return self.wrapped.sample_relative(_view(study), trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Sample with the wrapped sampler on the view."""
        if self._tried(study) is not None:
            study = _view(study)
        return self.wrapped.sample_independent(study, trial, param_name, param_distribution)

    def _tried(self, study: optuna.Study) -> list[FrozenTrial] | None:
        """Return the trials to learn from; None if none failed because of its parameters."""
        trials = study._get_trials(deepcopy=False, use_cache=True)
        if not any(is_infeasible(trial) for trial in trials):
            return None
        return [trial for trial in trials if trial.state in _ENDED or is_infeasible(trial)]
