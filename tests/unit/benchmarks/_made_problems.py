# SPDX-License-Identifier: MIT
"""Problems and samplers for tests of the simulated searches whose times can be computed by head."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial

from benchmarks.search.problem import Array, Config, Goal, Problem

#: The target is beyond the range of x, the unit is a full training.
UNREACHABLE = Goal(target=9.0, unit=4.0, sigma=0.0)


class Steady(Problem):
    """Reports x at the steps 1, 2 and 4, after as many hours as their numbers, thrice as many if x is negative."""

    name = "steady"
    space: ClassVar[Mapping[str, BaseDistribution]] = {"x": FloatDistribution(-1, 1)}
    steps = (1, 2, 4)

    def curves(self, configs: Sequence[Config]) -> tuple[Array, Array]:
        x = np.array([[config["x"]] for config in configs])
        return x * np.ones(3), np.where(x < 0, 3.0, 1.0) * np.array([1.0, 2.0, 4.0])


class Listed(RandomSampler):
    """Takes the trials' values of x from a list; the last of it for all later ones."""

    def __init__(self, values: Sequence[float]) -> None:
        super().__init__(seed=0)
        self._values = values

    def sample_independent(self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution) -> Any:
        return self._values[min(trial.number, len(self._values) - 1)]
