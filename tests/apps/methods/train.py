# SPDX-License-Identifier: MIT
"""Somebody's training program with a sampler of their own in the very script."""

from collections.abc import Sequence
from typing import Any

import hydra
import numpy as np
from omegaconf import OmegaConf
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

import hyperopt_app

# Hydra apps do this; a script that is imported a second time fails here.
OmegaConf.register_new_resolver("twice", lambda number: 2 * number)


class Counting(BaseSampler):
    """Counts what it has proposed: its x is `start`, one more each time, and its y is drawn."""

    def __init__(self, start: int, seed: int | None = None) -> None:
        """Begin to count."""
        self._next, self._random, self.told = start, np.random.default_rng(seed), 0

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Nothing is proposed together."""
        return {}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
        """Nothing is proposed together."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The count, or a number in [0, 1)."""
        if param_name == "y":
            return float(self._random.random())
        self._next += 1
        return self._next - 1

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """One more has ended."""
        self.told += 1


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg: Any) -> float:
    """A loss that gets a little worse."""
    for step in range(4):
        hyperopt_app.report(cfg.x + step / 10, step)
    return float(cfg.x + cfg.y)


if __name__ == "__main__":
    main()
