# SPDX-License-Identifier: MIT
"""What a forest says of a study."""

import math
import random

import pytest
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import create_trial

from hyperopt_app.looking import matters
from hyperopt_app.page import importances
from hyperopt_app.page.forest import modelled
from hyperopt_app.page.importances import shares_among_best
from hyperopt_app.page.trial_columns import Parameter
from tests.unit._made_trials import made, study_of

pytestmark = pytest.mark.filterwarnings("ignore")
UNIT = FloatDistribution(0.0, 1.0)
RANDOM = random.Random(0)
RATE = tuple(10 ** RANDOM.uniform(-5, -1) for _ in range(60))
NOISE = tuple(RANDOM.random() for _ in range(60))
KIND = tuple(float(RANDOM.randrange(2)) for _ in range(60))
# A conditional parameter: only where the kind is the second.
SLOPE = tuple(share if kind else None for share, kind in zip(NOISE, KIND, strict=True))
VALUES = [(math.log10(rate) + 3) ** 2 + 0.3 * kind for rate, kind in zip(RATE, KIND, strict=True)]
PARAMETERS = [
    Parameter("rate", True, (1e-5, 0.1), (), RATE),
    Parameter("noise", False, (0.0, 1.0), (), NOISE),
    Parameter("kind", False, None, ("adam", "sgd"), KIND),
    Parameter("slope", False, (0.0, 1.0), (), SLOPE),
]


def test_what_matters_has_the_greatest_share() -> None:
    """The shares add up, each has its uncertainty, and the forest says how far it can be trusted."""
    model = modelled(PARAMETERS, VALUES, n_trees=16, max_depth=16)
    assert model is not None
    assert max(model.shares, key=lambda name: model.shares[name][0]) == "rate"
    assert sum(share for share, _ in model.shares.values()) == pytest.approx(1.0, abs=0.01)
    assert all(spread >= 0 for _, spread in model.shares.values())
    assert model.score > 0.3


def test_the_expected_value_follows_the_parameter() -> None:
    """On its own scale; a choice has a point each; pairs have a value for each cell."""
    model = modelled(PARAMETERS, VALUES, n_trees=16, max_depth=16)
    assert model is not None
    rate = model.curves["rate"]
    at = rate["points"][rate["means"].index(min(rate["means"]))]
    assert 1e-4 < at < 1e-2
    assert model.curves["kind"]["points"] == [0.0, 1.0]
    assert all(low <= mean <= high for low, mean, high in zip(rate["low"], rate["means"], rate["high"], strict=True))
    for pair in model.pairs:
        assert len(pair["means"]) == len(pair["up"])
        assert {len(row) for row in pair["means"]} == {len(pair["across"])}
    assert len(model.pairs) == 6


@pytest.mark.parametrize(
    ("parameters", "values"),
    [(PARAMETERS, [1.0] * 60), ([], VALUES), ([Parameter("a", False, (0, 1), (), (1.0,) * 60)], VALUES)],
    ids=["equal values", "no parameter", "nothing varies"],
)
def test_nothing_is_said_where_nothing_can_be(parameters: list[Parameter], values: list[float]) -> None:
    """No forest is fitted."""
    assert modelled(parameters, values, n_trees=4, max_depth=4) is None


def test_few_trials_are_too_few() -> None:
    """Neither measure is given."""
    few = [Parameter("rate", True, (1e-5, 0.1), (), RATE[:9])]
    assert modelled(few, VALUES[:9], n_trees=4, max_depth=4) is None
    trials = [made(params={"rate": rate}, number=n) for n, rate in enumerate(RATE[:9])]
    assert shares_among_best(study_of(), trials, (), 0) == {}


def test_page_and_summary_measure_the_same() -> None:
    """Two numbers for one question would have to be explained."""
    assert importances.QUANTILE_OF_GOOD == matters.QUANTILE_OF_GOOD


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_what_sets_the_best_apart_is_named(direction: str) -> None:
    """In either direction."""
    study, sign = study_of(direction), 1 if direction == "minimize" else -1
    space: dict[str, BaseDistribution] = {"rate": FloatDistribution(1e-5, 0.1, log=True), "noise": UNIT}
    for rate, noise, value in zip(RATE, NOISE, VALUES, strict=True):
        point = {"rate": rate, "noise": noise}
        study.add_trial(create_trial(value=sign * value, params=point, distributions=space))
    shares = shares_among_best(study, study.trials, (), 0)
    assert shares["rate"][0] > shares["noise"][0]
    assert all(0 <= share <= 1 and spread >= 0 for share, spread in shares.values())
