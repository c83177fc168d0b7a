# SPDX-License-Identifier: MIT
"""A sampler that asks another one, for those that change a part of what it does. Runs in workers."""

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

__all__ = ["ForwardingSampler"]


class ForwardingSampler(BaseSampler):
    """Forwards every call to another sampler; a class that derives from it overrides what it does itself.

    Args:
        sampler: The other sampler, afterwards `wrapped`.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self.wrapped = sampler

    def __str__(self) -> str:
        return str(self.wrapped)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Forward to the wrapped sampler."""
        return self.wrapped.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Forward to the wrapped sampler."""
        return self.wrapped.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Forward to the wrapped sampler."""
        return self.wrapped.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Forward to the wrapped sampler."""
        self.wrapped.before_trial(study, trial)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Forward to the wrapped sampler."""
        self.wrapped.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Forward to the wrapped sampler."""
        self.wrapped.reseed_rng()
