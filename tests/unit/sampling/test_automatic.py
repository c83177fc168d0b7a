# SPDX-License-Identifier: MIT
"""Which sampler and pruner are chosen where the user has not chosen any."""

from typing import Any

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from hyperopt_app.sampling.automatic import MOST_PARAMETERS, choose
from hyperopt_app.sampling.idle_pruners import idle_pruner


def _space(numbers: int, choices: int = 0) -> dict[str, BaseDistribution]:
    space: dict[str, BaseDistribution] = {f"x{at}": FloatDistribution(0, 1) for at in range(numbers)}
    return space | ({"c": CategoricalDistribution(range(choices))} if choices else {})


def _node(path: str, **fields: Any) -> dict[str, Any]:
    return {"_target_": path, **fields}


CURVES, FORECAST = (
    _node(f"hyperopt_app.sampling.curves.{name}") for name in ("sampler.CurvesSampler", "forecast.ForecastPruner")
)
TPE, RANDOM, HYPERBAND, MEDIAN, NOP = (
    _node(f"optuna.{name}")
    for name in (
        *("samplers.TPESampler", "samplers.RandomSampler", "pruners.HyperbandPruner"),
        *("pruners.MedianPruner", "pruners.NopPruner"),
    )
)
NODES = {"curves": CURVES, "async_tpe": TPE, "forecast": FORECAST, "nop": NOP}


@pytest.mark.parametrize(
    ("space", "directions", "chosen", "words"),
    [
        (_space(1), 1, ("curves", "forecast"), "learns from every report"),
        (_space(MOST_PARAMETERS), 1, ("curves", "forecast"), "learns from every report"),
        ({}, 1, ("curves", "forecast"), "learns from every report"),  # the objective suggests
        (_space(MOST_PARAMETERS + 1), 1, ("async_tpe", "nop"), "31 parameters"),
        (_space(3, 200), 1, ("async_tpe", "nop"), "203 choices and numbers"),
        (_space(3), 2, ("async_tpe", "nop"), "2 objectives"),
    ],
    ids=["small", "large", "unknown", "too large", "too many choices", "objectives"],
)
def test_both_are_chosen_together(
    space: dict[str, BaseDistribution], directions: int, chosen: tuple[str, str], words: str
) -> None:
    """By what is known of the study, with the reason."""
    choice = choose(None, None, space, directions)
    assert (choice.sampler, choice.pruner) == chosen
    assert words in choice.reason


@pytest.mark.parametrize("pruner", [HYPERBAND, MEDIAN, NOP], ids=["hyperband", "median", "nop"])
@pytest.mark.parametrize("directions", [1, 2])
def test_beside_a_pruner_of_the_users(pruner: dict[str, Any], directions: int) -> None:
    """The pruner stays, and no trap is paired with it."""
    choice = choose(None, pruner, _space(3), directions)
    assert choice.pruner is None
    assert choice.sampler == ("curves" if directions == 1 else "async_tpe")
    assert directions > 1 or idle_pruner(NODES[choice.sampler], pruner, directions) == {}


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        (CURVES, "forecast"),
        (RANDOM, "forecast"),
        (TPE, "nop"),
        (_node("mine.Sampler"), "nop"),
        (_node("optuna.samplers.GridSampler"), "nop"),
        (_node("optuna.samplers.PartialFixedSampler", base_sampler=RANDOM), "nop"),
    ],
    ids=["curves", "random", "tpe", "own", "grid", "fixed"],
)
def test_beside_a_sampler_of_the_users(sampler: dict[str, Any], expected: str) -> None:
    """A pruner comes only where it was measured to do good; never with several objectives."""
    choice = choose(sampler, None, _space(3), 1)
    assert (choice.sampler, choice.pruner) == (None, expected)
    assert choose(sampler, None, _space(3), 2).pruner == "nop"
    assert idle_pruner(sampler, NODES[expected], 1) == {}
