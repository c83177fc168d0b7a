# SPDX-License-Identifier: MIT
"""Derive the seeds of a study, of each trial's sampler and of each trial's training."""

import secrets

import numpy as np

__all__ = ["new_study_seed", "repeat_seed", "training_seed", "trial_seed", "worker_seed"]


def new_study_seed() -> int:
    """Return a random seed for a study that has none; it is stored in the study."""
    return secrets.randbelow(2**31)


def trial_seed(study_seed: int, number: int) -> int:
    """Return the seed of a trial's sampler, in [0, 2**31); neighbouring numbers get unrelated seeds."""
    return _seeds(study_seed, number)[0]


def training_seed(study_seed: int, number: int) -> int:
    """Return the seed of a trial's training, in [0, 2**31).

    It is not the sampler's: NumPy's first numbers would be the trial's parameters.
    """
    return _seeds(study_seed, number)[1]


def repeat_seed(study_seed: int, repeat: int) -> int:
    """Return the seed of a repeat's training, the same in each trial of the study, in [0, 2**31)."""
    return _seeds(study_seed, repeat, 2)[1]


def worker_seed(study_seed: int, worker: int) -> int:
    """Return the seed of a worker's objects other than samplers, in [0, 2**31)."""
    return _seeds(study_seed, worker, 1)[0]


def _seeds(*parts: int) -> list[int]:
    return [int(word) & 0x7FFFFFFF for word in np.random.SeedSequence(parts).generate_state(2)]
