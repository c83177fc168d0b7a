# SPDX-License-Identifier: MIT
"""Asynchronous successive halving that parks trials at rungs and promotes the best of each rung, for simulations."""

import copy
from collections.abc import Container, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.sampling.promotion import PromotePruner

__all__ = ["Halving", "ParkedAsPruned"]


class Halving:
    """Parks and continues trials by the rule of the pruner `promote`, as the application does.

    Attributes:
        rule: Which rung a trial has reached, and who goes on from a rung.
        parked: The rung of each parked trial, by its number.
    """

    def __init__(self, rule: PromotePruner) -> None:
        self.rule = rule
        self.parked: dict[int, int] = {}
        self._passed: dict[int, int] = {}

    def parks(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether a trial that has just reported waits there; one that is among the best of its rung goes on."""
        passed = self._passed.get(trial.number, -1)
        if not self.rule.may_be_at_a_rung(trial, passed):
            return False
        trials = study.get_trials(deepcopy=False)
        rung = self.rule.rung_of(trials, trial, passed)
        if rung is None:
            return False
        self._passed[trial.number] = rung
        if trial.number in self._going_on(study, trials, rung):
            return False
        self.parked[trial.number] = rung
        return True

    def next_trial(self, study: optuna.Study) -> int | None:
        """Return the best parked trial of the highest rung at which a trial is to go on, if there is any."""
        trials = study.get_trials(deepcopy=False)
        for rung in sorted(set(self.parked.values()), reverse=True):
            for number in self._going_on(study, trials, rung):
                if self.parked.get(number) == rung:
                    return number
        return None

    def _going_on(self, study: optuna.Study, trials: Sequence[FrozenTrial], rung: int) -> Sequence[int]:
        return self.rule.going_on(trials, rung, maximize=study.direction == StudyDirection.MAXIMIZE)


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
        parked: Each parked trial by its number.
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
