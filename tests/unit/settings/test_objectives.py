# SPDX-License-Identifier: MIT
"""One metric or several by name, each with its direction, and their weighted sum."""

from typing import Any

import pytest

from hyperopt_app.settings.objectives import Objectives, objectives_of, sum_text

BOTH = {"val_loss": "minimize", "accuracy": "maximize"}


def test_metrics_by_name_have_their_own_directions() -> None:
    """In the order in which they are written; the older forms stay what they were."""
    assert objectives_of(BOTH, "minimize", {}, is_directed=False) == Objectives(
        ("val_loss", "accuracy"), ("minimize", "maximize")
    )
    lists = objectives_of(["a", "b"], ["maximize", "minimize"], {}, is_directed=True)
    assert lists == Objectives(("a", "b"), ("maximize", "minimize"))
    assert objectives_of(None, "maximize", {}, is_directed=True) == Objectives((), ("maximize",))


def test_weights_make_one_value_of_them() -> None:
    """It is minimised; what is maximised is taken away from it."""
    objectives = objectives_of(BOTH, "minimize", {"accuracy": 0.5}, is_directed=False)
    assert objectives == Objectives(("val_loss", "accuracy"), ("minimize",), (1.0, -0.5))
    assert sum_text(objectives.metric_names, objectives.terms) == "val_loss - 0.5 * accuracy"
    assert sum_text(("a", "b"), (-1.0, 2.0)) == "-a + 2 * b"


FAULTS: dict[str, tuple[Any, dict[str, float], bool, str]] = {
    "a direction beside it": (BOTH, {}, True, "hydra.sweeper.direction: minimize cannot stand beside"),
    "a wrong direction": ({"a": "min"}, {}, False, "hydra.sweeper.metric.a: 'min' is not known; set minimize or max"),
    "an empty mapping": ({}, {}, False, "hydra.sweeper.metric: an empty mapping names no metric"),
    "weights of a name": ("a", {"a": 1.0}, False, "hydra.sweeper.weights: weights want metrics with directions"),
    "an unknown weight": (
        BOTH,
        {"val_los": 1.0},
        False,
        "hydra.sweeper.weights.val_los: hydra.sweeper.metric",
    ),
    "a negative weight": (BOTH, {"accuracy": -1.0}, False, "hydra.sweeper.weights.accuracy: -1.0 is not allowed"),
    "an endless weight": (
        BOTH,
        {"accuracy": float("inf")},
        False,
        "hydra.sweeper.weights.accuracy: inf is not",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_one_line_with_its_key(case: str) -> None:
    """And leaves directions with which the other checks can go on."""
    metric, weights, is_directed, line = FAULTS[case]
    objectives = objectives_of(metric, "minimize", weights, is_directed=is_directed)
    assert len(objectives.faults) == 1
    assert objectives.faults[0].startswith(line)
    assert objectives.directions
