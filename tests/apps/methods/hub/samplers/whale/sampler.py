# SPDX-License-Identifier: MIT
"""The sampler."""

from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial

from ._depth import deeper


class Whale(BaseSampler):
    """Dives: each whole number is one further down than the one before."""

    def __init__(self, depth: int = 10, base_sampler: BaseSampler | None = None) -> None:
        """Begin at a depth; the base sampler proposes the rest."""
        self._depth, self._base = depth, base_sampler or RandomSampler()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Nothing is proposed together."""
        return {}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
        """Nothing is proposed together."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The depth, or what the base sampler says."""
        if param_name != "x":
            return self._base.sample_independent(study, trial, param_name, param_distribution)
        self._depth = deeper(self._depth)
        return self._depth
