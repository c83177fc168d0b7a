# SPDX-License-Identifier: MIT
"""One metric or several by name, each with its direction, and their weighted sum."""

from typing import Any

import pytest

from hyperopt_app.settings.objectives import Objectives, OneNumber, objectives_of, sum_text

BOTH = {"val_loss": "minimize", "accuracy": "maximize"}


def test_metrics_by_name_have_their_own_directions() -> None:
    """In the order in which they are written; the older forms stay what they were."""
    assert objectives_of(BOTH, "minimize", OneNumber(), is_directed=False) == Objectives(
        ("val_loss", "accuracy"), ("minimize", "maximize")
    )
    lists = objectives_of(["a", "b"], ["maximize", "minimize"], OneNumber(), is_directed=True)
    assert lists == Objectives(("a", "b"), ("maximize", "minimize"))
    assert objectives_of(None, "maximize", OneNumber(), is_directed=True) == Objectives((), ("maximize",))


def test_weights_make_one_value_of_them() -> None:
    """It is minimised; what is maximised is taken away from it."""
    objectives = objectives_of(BOTH, "minimize", OneNumber({"accuracy": 0.5}), is_directed=False)
    assert objectives == Objectives(("val_loss", "accuracy"), ("minimize",), (1.0, -0.5))
    assert sum_text(objectives.metric_names, objectives.terms) == "val_loss - 0.5 * accuracy"
    assert sum_text(("a", "b"), (-1.0, 2.0)) == "-a + 2 * b"


def test_an_order_makes_the_first_the_value() -> None:
    """The others have the directions of the mapping, and a tolerance of 0 where none is given."""
    one = OneNumber(order=["accuracy", "val_loss"], tolerance={"accuracy": 0.01})
    objectives = objectives_of(BOTH, "minimize", one, is_directed=False)
    assert (objectives.metric_names, objectives.directions) == (("accuracy", "val_loss"), ("maximize",))
    assert objectives.in_turn == (
        {"metric": "accuracy", "direction": "maximize", "tolerance": 0.01},
        {"metric": "val_loss", "direction": "minimize", "tolerance": 0.0},
    )


TURNS = ["val_loss", "accuracy"]
ORDER_FAULTS: dict[str, tuple[Any, OneNumber, list[str]]] = {
    "of a name": ("a", OneNumber(order=["a"]), ["hydra.sweeper.order: it wants metrics with directions"]),
    "of a list": (
        ["a", "b"],
        OneNumber(order=["a", "b"], tolerance={"a": 1.0}),
        ["hydra.sweeper.order: it wants", "hydra.sweeper.tolerance: it wants"],
    ),
    "one metric": ({"a": "minimize"}, OneNumber(order=["a"]), ["hydra.sweeper.order: hydra.sweeper.metric has one"]),
    "beside weights": (BOTH, OneNumber({"accuracy": 1.0}, TURNS), ["hydra.sweeper.order: it cannot stand beside"]),
    "unknown and missing": (
        BOTH,
        OneNumber(order=["val_los", "accuracy"]),
        [
            "hydra.sweeper.order: hydra.sweeper.metric does not have 'val_los' (did you mean val_loss?)",
            "hydra.sweeper.order: val_loss is missing",
        ],
    ),
    "twice": (BOTH, OneNumber(order=[*TURNS, "accuracy"]), ["hydra.sweeper.order: 'accuracy' stands 2 times in it"]),
    "nothing of text": (
        BOTH,
        OneNumber(order=[None, *TURNS]),
        ["hydra.sweeper.order: hydra.sweeper.metric does not have 'None'"],
    ),
    "a tolerance alone": (BOTH, OneNumber(tolerance={"val_loss": 0.1}), ["hydra.sweeper.tolerance: it belongs to"]),
    "tolerances": (
        BOTH,
        OneNumber(order=TURNS, tolerance={"val_loss": -1.0, "accuracy": 0.1, "speed": float("nan")}),
        [
            "hydra.sweeper.tolerance.val_loss: -1.0 is not allowed",
            "hydra.sweeper.tolerance.accuracy: it is the last of",
            "hydra.sweeper.tolerance.speed: hydra.sweeper.order does not have it; it has val_loss, accuracy",
            "hydra.sweeper.tolerance.speed: nan is not allowed",
        ],
    ),
}


@pytest.mark.parametrize("case", ORDER_FAULTS)
def test_all_faults_of_an_order_are_said_at_once(case: str) -> None:
    """Each with its key; and directions are left with which the other checks can go on."""
    metric, one, lines = ORDER_FAULTS[case]
    objectives = objectives_of(metric, "minimize", one, is_directed=False)
    assert [fault[: len(line)] for fault, line in zip(objectives.faults, lines, strict=True)] == lines
    assert objectives.directions
    assert not objectives.in_turn


FAULTS: dict[str, tuple[Any, dict[str, float], bool, str]] = {
    "a direction beside it": (BOTH, {}, True, "hydra.sweeper.direction: minimize cannot stand beside"),
    "a wrong direction": ({"a": "min"}, {}, False, "hydra.sweeper.metric.a: 'min' is not known; set minimize or max"),
    "an empty mapping": ({}, {}, False, "hydra.sweeper.metric: an empty mapping names no metric"),
    "weights of a name": ("a", {"a": 1.0}, False, "hydra.sweeper.weights: it wants metrics with directions"),
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
    objectives = objectives_of(metric, "minimize", OneNumber(weights), is_directed=is_directed)
    assert len(objectives.faults) == 1
    assert objectives.faults[0].startswith(line)
    assert objectives.directions
