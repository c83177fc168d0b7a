# SPDX-License-Identifier: MIT
"""Samplers and pruners of a user's module; no test stands here."""

from pathlib import Path
from typing import Any

from optuna import Study
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.samplers.nsgaii import UniformCrossover
from optuna.trial import FrozenTrial

HERE = __name__


class Seeded(RandomSampler):
    """Takes a seed, and fields whose names Optuna's have too, with other meanings."""

    def __init__(self, width: Any = 1, group: str = "all", n_startup_trials: int = 3, seed: int | None = None) -> None:
        """Keep what came."""
        super().__init__(seed)
        self.came = {"width": width, "group": group, "n_startup_trials": n_startup_trials, "seed": seed}


class Seedless(RandomSampler):
    """Takes no seed."""

    def __init__(self) -> None:
        """Draw whatever comes."""
        super().__init__(1)


class Open(TPESampler):
    """Hands on whatever comes."""

    def __init__(self, **options: Any) -> None:
        """Keep what came."""
        super().__init__(**options)
        self.came = options


class Crossing(UniformCrossover):
    """A crossover of the user's."""


class Limit(BasePruner):
    """Prunes never."""

    def __init__(self, limit: float = 1.0, seed: int | None = None) -> None:
        """Keep what came."""
        self.limit, self.seed = limit, seed

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Never."""
        return False


class Unfinished(BaseSampler):
    """Lacks what a sampler needs."""


class Loud:
    """No sampler; whoever calls it leaves a file."""

    def __init__(self, **_options: Any) -> None:
        """Leave the file."""
        Path("called").touch()


class Raises(RandomSampler):
    """Cannot be made."""

    def __init__(self) -> None:
        """Raise."""
        raise KeyError("no licence")


def loud(**_options: Any) -> RandomSampler:
    """A function that would even make a sampler; whoever calls it leaves a file."""
    Path("called").touch()
    return RandomSampler()
