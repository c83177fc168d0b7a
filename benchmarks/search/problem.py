# SPDX-License-Identifier: MIT
"""What a simulated search is about: a search space, and the learning curve and the times of each configuration."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution

__all__ = ["Array", "Config", "Goal", "Problem", "random_configs"]

Array = NDArray[np.float64]
Config = Mapping[str, Any]

_CONFIGS_OF_GOAL = 4000


class Goal(NamedTuple):
    """What a search is measured by, from 4,000 random configurations.

    Attributes:
        target: The final value that 1 % of random configurations exceed; larger values are better.
        unit: The mean time of a full training, in the problem's own unit; the simulation's unit of time.
        sigma: The standard deviation of the noise on reports.
    """

    target: float
    unit: float
    sigma: float


class Problem(ABC):
    """A search space and what a training of each of its points would report.

    Attributes:
        name: Names the problem within its family, for the rows of results.
        space: The distribution of each parameter.
        steps: The steps at which a training reports, ascending; the last is its end.
        noise: Of each report, as a share of the distance between the median and the best tenth of final values.
        reports: Whether trainings report before their end.
    """

    name: str
    space: ClassVar[Mapping[str, BaseDistribution]]
    steps: Sequence[int]
    noise: float = 0.0
    reports: bool = True

    @abstractmethod
    def curves(self, configs: Sequence[Config]) -> tuple[Array, Array]:
        """Return the values and the times since the start at each step, both of shape (configurations, steps)."""

    def reported(self, configs: Sequence[Config], values: Array) -> Array:
        """Return what trainings of the configurations report where `curves` has `values`, before the noise is added."""
        return values

    def goal(self) -> Goal:
        """Compute the goal, always from the same configurations."""
        values, times = self.curves(random_configs(self.space, _CONFIGS_OF_GOAL, seed=11))
        median, good, target = np.quantile(values[:, -1], [0.5, 0.9, 0.99])
        return Goal(float(target), float(times[:, -1].mean()), float(self.noise * (good - median)))


def random_configs(space: Mapping[str, BaseDistribution], count: int, seed: int) -> list[dict[str, Any]]:
    """Draw configurations uniformly from a space; those of a smaller count are the first of a larger."""
    sampler, study = optuna.samplers.RandomSampler(seed=seed), optuna.create_study()
    # Random points depend on no trial, so that none is stored for each of them.
    trial = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING)
    return [
        {name: sampler.sample_independent(study, trial, name, distribution) for name, distribution in space.items()}
        for _ in range(count)
    ]
