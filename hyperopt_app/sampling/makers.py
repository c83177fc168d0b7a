# SPDX-License-Identifier: MIT
"""Build samplers whose classes cannot take the values of a YAML file; the groups in `config.methods` name these."""

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import optuna

__all__ = ["motpe", "nsgaiii"]


def nsgaiii(reference_points: Sequence[Sequence[float]] | None = None, **arguments: Any) -> optuna.samplers.BaseSampler:
    """Build an NSGA-III sampler with reference points from a list.

    Args:
        reference_points: Points on the unit simplex, shape (points, objectives); None lets Optuna lay them out.
        arguments: The others of `optuna.samplers.NSGAIIISampler`.
    """
    points = None if reference_points is None else np.asarray(reference_points, dtype=float)
    return optuna.samplers.NSGAIIISampler(reference_points=points, **arguments)


def motpe(**_arguments: Any) -> NoReturn:
    """Raise an error that names the replacement of Optuna's MOTPESampler.

    Raises:
        ValueError: Always.
    """
    raise ValueError(
        "the sampler 'motpe' was removed in Optuna 4; choose hydra/sweeper/sampler=tpe, which takes several objectives"
    )
