# SPDX-License-Identifier: MIT
"""Asynchronous successive halving that parks trials at rungs and promotes the best of each rung, for simulations."""

import copy
import math
from collections.abc import Container
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

__all__ = ["Halving", "ParkedAsPruned"]


class Halving:
    """Parks each trial at the rungs `first * factor**i` and continues those among the best `1/factor` there.

    Attributes:
        first: The step of the first rung.
        factor: Of how many trials at a rung one goes on.
        parked: The last step of each parked trial, by its number.
    """

    def __init__(self, first: int = 1, factor: int = 3) -> None:
        self.first, self.factor = first, factor
        self.parked: dict[int, int] = {}

    def parks(self, step: int, last: int) -> bool:
        """Whether a trial that has just reported `step` after `last` has reached a rung."""
        return self._rung(step) > self._rung(last)

    def next_trial(self, study: optuna.Study) -> int | None:
        """Return the best parked trial of the highest rung at which a trial is to go on, if there is any."""
        trials = study.get_trials(deepcopy=False)
        rungs = {number: self._rung(step) for number, step in self.parked.items()}
        for rung in sorted(set(rungs.values()), reverse=True):
            low = self.first * self.factor**rung
            there = []
            for trial in trials:
                reached = [step for step in trial.intermediate_values if step >= low]
                if reached:
                    there.append((trial.intermediate_values[min(reached)], -trial.number))
            there.sort(reverse=True)
            for _, negative in there[: len(there) // self.factor]:
                if rungs.get(-negative) == rung:
                    return -negative
        return None

    def _rung(self, step: int) -> int:
        return -1 if step < self.first else int(math.log(step / self.first) / math.log(self.factor) + 1e-9)


class _View(optuna.Study):
    """A view of a study in which running trials with reports at the last rung that they have reached are pruned."""

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        trials = [self._seen(trial) for trial in self._storage.get_all_trials(self._study_id, deepcopy=deepcopy)]
        return trials if states is None else [trial for trial in trials if trial.state in states]

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, **_options: Any
    ) -> list[FrozenTrial]:
        return self._get_trials(deepcopy, states)

    def _seen(self, trial: FrozenTrial) -> FrozenTrial:
        if trial.number not in self.parked:  # type: ignore[attr-defined]
            return trial
        seen = copy.copy(trial)
        seen.state = TrialState.PRUNED
        seen.value = trial.intermediate_values[max(trial.intermediate_values)]
        return seen


class ParkedAsPruned(BaseSampler):
    """Another sampler, which sees parked trials as pruned at their last step.

    Attributes:
        parked: The step of each parked trial, by its number; the simulation fills it.
    """

    def __init__(self, sampler: BaseSampler, parked: dict[int, int]) -> None:
        self._sampler, self.parked = sampler, parked

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """As the other sampler."""
        return self._sampler.infer_relative_search_space(self._view(study), trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As the other sampler."""
        return self._sampler.sample_relative(self._view(study), trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """As the other sampler."""
        return self._sampler.sample_independent(self._view(study), trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """As the other sampler."""
        self._sampler.before_trial(self._view(study), trial)

    def _view(self, study: optuna.Study) -> optuna.Study:
        view = copy.copy(study)
        view.__class__ = _View
        view.parked = self.parked  # type: ignore[attr-defined]
        return view
