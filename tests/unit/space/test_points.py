# SPDX-License-Identifier: MIT
"""Warm-start points and the points of a grid."""

from typing import Any

import pytest

from hyperopt_app.errors import SpaceError
from hyperopt_app.space.points import grid_points, point_of
from tests.unit._made_sweeps import made_space

SPACE = made_space(
    **{
        "opt.lr": "tag(log, interval(1e-5, 0.1))",
        "depth": "range(2, 9, step=3)",
        "width": "range(0, 1, step=0.25)",
        "name": "adam,'a b',null,2,true",
        "+new.key": "range(4)",
        "dims": "[1,2],[3]",
    }
)

RIGHT = {
    "float": ("opt.lr", 1e-3, 1e-3),
    "int for a float": ("width", 0, 0.0),
    "bound": ("depth", 8, 8),
    "whole float for an int": ("depth", 5.0, 5),
    "step": ("width", 0.75, 0.75),
    "choice": ("name", "adam", "adam"),
    "choice by its meaning": ("name", "a b", "'a b'"),
    "choice by its text": ("name", "'a b'", "'a b'"),
    "null": ("name", None, "null"),
    "number among choices": ("name", 2, 2),
    "boolean among choices": ("name", True, True),
    "list": ("dims", [1, 2], "[1,2]"),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_point_within_the_space_is_spelled_as_the_space_does(case: str) -> None:
    """What is stored with a ticket is what the sampler would have suggested, type included."""
    name, value, spelled = RIGHT[case]
    known, faults = point_of(SPACE, {name: value})
    assert (known, faults) == ({name: spelled}, [])
    assert type(known[name]) is type(spelled)


def test_a_prefix_of_a_key_may_be_left_out() -> None:
    """`new.key` means the searched `+new.key`."""
    assert point_of(SPACE, {"new.key": 2}) == ({"+new.key": 2}, [])
    assert point_of(SPACE, {"+new.key": 2, "+depth": 2}) == ({"+new.key": 2, "depth": 2}, [])


def test_choices_that_python_holds_for_equal_are_told_apart() -> None:
    """Each value finds its own choice, whose text is stored."""
    space = made_space(x="1,1.0,true")
    assert [point_of(space, {"x": value})[0]["x"] for value in (1, 1.0, True)] == ["1", "1.0", "true"]


OUTSIDE: dict[str, tuple[str, Any]] = {
    "above": ("opt.lr", 0.2),
    "below": ("opt.lr", 0.0),
    "nan": ("opt.lr", float("nan")),
    "text for a number": ("opt.lr", "0.01"),
    "boolean for a number": ("depth", True),
    "null for a number": ("depth", None),
    "between two steps": ("depth", 3),
    "between two float steps": ("width", 0.3),
    "unknown choice": ("name", "sgd"),
    "a choice's text of another type": ("name", "2"),
    "float for an int choice": ("name", 2.0),
    "false": ("name", False),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_a_point_outside_of_the_space_is_refused(case: str) -> None:
    """Optuna would round it or start another point than the one that was asked for."""
    name, value = OUTSIDE[case]
    known, (fault,) = point_of(SPACE, {name: value})
    assert known == {}
    assert fault.startswith(f"{name}={value!r} is out of range; allowed is ")


def test_an_unknown_key_of_a_point_is_refused_with_the_known_ones() -> None:
    """All faults of a point are told, and its right keys are kept."""
    known, faults = point_of(made_space(x="1,2", y="range(3)"), {"z": 1, "x": 3, "y": 1})
    assert known == {"y": 1}
    assert faults == [
        "'z' is not searched; the searched keys are x, y",
        "x=3 is out of range; allowed is choice(1, 2)",
    ]


def test_a_point_of_an_empty_space_is_refused() -> None:
    """There is nothing to start from."""
    assert point_of(made_space(), {"z": 1}) == ({}, ["'z' is not searched; the searched keys are none"])


def test_a_grid_has_every_combination_in_the_order_of_the_keys() -> None:
    """The last key changes fastest."""
    space = made_space(a="x,y", b="range(1, 6, step=2)")
    assert [(point["a"], point["b"]) for point in grid_points(space)] == [
        *(("x", 1), ("x", 3), ("x", 5)),
        *(("y", 1), ("y", 3), ("y", 5)),
    ]


def test_a_grid_of_float_steps_is_counted_in_decimals() -> None:
    """Three steps of 0.1 are 0.3, as Hydra iterates them, not 0.30000000000000004."""
    values = [point["x"] for point in grid_points(made_space(x="range(0, 0.5, step=0.1)"))]
    assert values == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_a_grid_without_anything_to_search_has_one_point() -> None:
    """One trial, with the fixed values."""
    assert grid_points(made_space("x=1")) == [{}]


def test_a_grid_wants_steps() -> None:
    """An interval has no grid; the message names the key and the ways out."""
    with pytest.raises(SpaceError, match=r"^hydra\.sweeper\.params\.lr: a grid needs steps or choices") as error:
        grid_points(made_space(lr="interval(0, 1)"))
    assert "range(low, stop, step=...)" in str(error.value)


def test_a_grid_beyond_all_bounds_is_refused_without_being_built() -> None:
    """A billion points would fill the memory before anything is said."""
    with pytest.raises(SpaceError, match="a grid of 3,000,000,000 points is more than the 100,000 that are allowed"):
        grid_points(made_space(x="range(0,1000000000)", y="1,2,3"))
