# SPDX-License-Identifier: MIT
"""Choose a sampler and a pruner where the user has left the choice to us, and say why in one line."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution

from hyperopt_app.sampling.curves.sampler import CurvesSampler
from hyperopt_app.sampling.idle_pruners import classes_in

__all__ = ["MOST_COLUMNS", "MOST_PARAMETERS", "Choice", "choose"]

# Up to which the model of `curves` has been measured: parameters, and numbers and choices together.
MOST_PARAMETERS, MOST_COLUMNS = 30, 100
_FORECAST_BESIDE = (CurvesSampler, optuna.samplers.RandomSampler, optuna.samplers.QMCSampler)


class Choice(NamedTuple):
    """What was chosen.

    Attributes:
        sampler: The option of the group `hydra/sweeper/sampler`; None if the user has chosen one.
        pruner: The option of the group `hydra/sweeper/pruner`; None if the user has chosen one.
        reason: Half a sentence.
    """

    sampler: str | None
    pruner: str | None
    reason: str


def choose(
    sampler: Mapping[str, Any] | None,
    pruner: Mapping[str, Any] | None,
    space: Mapping[str, BaseDistribution],
    directions: int,
) -> Choice:
    """Return the sampler and the pruner for a study.

    Args:
        sampler: The node that the user has chosen; None if the choice is ours.
        pruner: The same of the pruner.
        space: The parameters that are known before the study begins.
        directions: How many values are optimised.
    """
    if sampler is not None:
        return _beside(sampler, directions)
    name, reason = _sampler(space, directions)
    if pruner is not None:
        return Choice(name, None, reason)
    return Choice(name, "forecast" if name == "curves" else "nop", reason)


def _sampler(space: Mapping[str, BaseDistribution], directions: int) -> tuple[str, str]:
    if directions > 1:
        return "async_tpe", f"{directions} objectives have no learning curve"
    columns = sum(len(kind.choices) if isinstance(kind, CategoricalDistribution) else 1 for kind in space.values())
    if len(space) > MOST_PARAMETERS or columns > MOST_COLUMNS:
        return (
            "async_tpe",
            f"a model of curves is not made for {len(space)} parameters with {columns} choices and numbers",
        )
    return "curves", "the model of curves learns from every report; without reports it samples as async_tpe"


def _beside(sampler: Mapping[str, Any], directions: int) -> Choice:
    """Return the pruner beside a sampler of the user's, none where that was not measured or does harm."""
    kinds: list[type] = list(classes_in(sampler))
    name = kinds[0].__name__ if kinds else "your sampler"
    if directions > 1:
        return Choice(None, "nop", f"{directions} objectives have no learning curve")
    if kinds and kinds[0] in _FORECAST_BESIDE:
        return Choice(None, "forecast", f"{name} does not mistake pruned trials for bad ones")
    return Choice(None, "nop", f"beside {name} a pruner has to be chosen")
