# SPDX-License-Identifier: MIT
"""Constraints: what they are, by how much they are violated, and that none of them is ever run."""

import contextlib
import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.errors import SpaceError
from hyperopt_app.space.changes import differences, space_from_json, space_to_json
from hyperopt_app.space.constraints import (
    LARGEST_VIOLATION,
    Constraint,
    Constraints,
    feasible_grid,
    unreadable_constraints,
)
from hyperopt_app.space.space import Space, parse_space


def _space(*texts: str, when: dict[str, Any] | None = None, **params: str) -> Space:
    space, faults = parse_space({key.replace("__", "."): text for key, text in params.items()}, [], when=when)
    assert faults == []
    return dataclasses.replace(space, constraints=texts)


VIOLATIONS = {
    "a <= 3": -1.0,
    "a < 3": -1.0,
    "a >= 3": 1.0,
    "a > 3": 1.0,
    "0 <= a <= 1.5": 0.5,
    "-a <= -3": 1.0,
    "a * b / 2 - 1 <= 4": 0.0,
    "o.rate + 1 <= a": -0.5,
    "'val-loss' <= 1": 9.0,
    "a / (b - 5) <= 1": LARGEST_VIOLATION,
    "1e308 * a * 10 <= 1": LARGEST_VIOLATION,
    "nan <= 1": LARGEST_VIOLATION,
    "inf <= 1": LARGEST_VIOLATION,
    "flag <= 0": 1.0,
}
VALUES = {"a": 2, "b": 5.0, "o.rate": 0.5, "val-loss": 10, "nan": math.nan, "inf": math.inf, "flag": True}


@pytest.mark.parametrize("text", VIOLATIONS)
def test_a_violation_is_how_far_the_sides_are_apart(text: str) -> None:
    """Above 0 where it is violated, as Optuna wants it."""
    assert Constraint(text).violation(VALUES) == VIOLATIONS[text]


def test_a_strict_constraint_is_violated_where_both_sides_are_equal() -> None:
    """Optuna knows no strict ones, so a little more than nothing is stored."""
    assert Constraint("a <= 2").violation(VALUES) == 0
    assert 0 < Constraint("a < 2").violation(VALUES) < 1e-9


MALICIOUS = (
    "__import__('os').system('touch HACKED') <= 1",
    "open('HACKED', 'w') <= 1",
    "(lambda: 1)() <= 1",
    "[x for x in ().__class__.__bases__] <= 1",
    "a.__class__.__mro__[1] <= 1",
    "f'{open(chr(72), chr(119))}' <= 1",
    "(a := 1) <= 1",
    "9 ** 9 ** 9 <= a",
    "a if a else a <= 1",
    "await a <= 1",
    "exec('1') <= a",
    "a[open('HACKED', 'w')] <= 1",
    "not a <= 1",
    "a <= 1 or open('HACKED', 'w')",
    "(" * 150 + "a" + ")" * 150,
    "-" * 190 + "a <= 1e999999",
    "a <= 1; import os",
    "a << 99999999 <= 1",
    "\x00 <= 1",
)


@pytest.mark.parametrize("text", MALICIOUS)
def test_a_malicious_text_starts_nothing(text: str) -> None:
    """It is refused as soon as it is read, or it compares numbers."""
    with contextlib.suppress(SpaceError):
        assert isinstance(Constraint(text).violation(dict.fromkeys(("a", "a.__class__.__mro__"), 2.0)), float)
    assert not list(Path().iterdir())


WRONG = {
    "a": "it compares nothing",
    "a == 1": "only <=, <, >= and > are constraints",
    "a != 1": "only <=, <, >= and > are constraints",
    "1 <= 2": "it names neither a metric nor a parameter",
    "a <=": "it cannot be read",
    "a <= true_if(b)": "'true_if(b)' is neither a name nor a number",
    "a <= True": "'True' is neither a name nor a number",
    "a" * 201: "at most 200 are allowed",
    "": "it cannot be read",
}


def test_each_wrong_text_is_one_line_with_its_place() -> None:
    """All at once, and a text that stands there twice."""
    faults = unreadable_constraints([*WRONG, "a <= 1", " a <= 1", 3])
    assert [fault.split(":")[0] for fault in faults] == [
        f"hydra.sweeper.constraints[{number}]" for number in [*range(len(WRONG)), len(WRONG) + 1, len(WRONG) + 2]
    ]
    assert all(reason in fault for reason, fault in zip(WRONG.values(), faults, strict=False))


def test_what_names_parameters_alone_is_known_before_training() -> None:
    """By key, by name in the study, and fixed ones too; a constraint on a key that is not searched there is met."""
    when = {"opt=sgd": {"opt.m": "interval(0, 1)"}}
    texts = ("opt.m <= 0.5", "x * units <= 10", "latency <= x", "k >= 2")
    params = {"opt": "choice(adam, sgd)", "x": "interval(0, 9)", "units": "4", "net.k": "range(5)"}
    space, faults = parse_space(params, [], None, {"net.k": "k"}, when)
    assert faults == []
    constraints = Constraints(dataclasses.replace(space, constraints=texts))
    assert [each.text for each in constraints.of_parameters] == [texts[0], texts[1], texts[3]]
    assert constraints.before_training({"opt": "adam", "x": 3.0, "k": 2}) == {
        texts[0]: 0.0,
        texts[1]: 2.0,
        texts[3]: 0.0,
    }
    assert constraints.before_training({"opt": "sgd", "opt.m": 0.75, "x": 2.0, "k": 1}) == {
        texts[0]: 0.25,
        texts[1]: -2.0,
        texts[3]: 1.0,
    }
    assert constraints.before_training({"opt": "adam", "opt.m": 0.75, "x": 2.0, "k": 3})[texts[0]] == 0.0
    after = constraints.after_training({"opt": "adam", "x": 2.0, "k": 3}, {"latency": 5.0, "x": 99.0})
    assert after[texts[2]] == 3.0


def test_a_metric_that_is_not_returned_is_one_line() -> None:
    """With the constraint, and what was returned."""
    constraints = Constraints(_space("latency <= 3", x="interval(0, 1)"))
    with pytest.raises(SpaceError, match=r"'latency <= 3' names latency, which is not a parameter.*returned loss;"):
        constraints.after_training({"x": 0.5}, {"loss": 1.0})


def test_a_parameter_of_words_cannot_be_compared() -> None:
    """It says which, and what came."""
    with pytest.raises(SpaceError, match=r"opt is 'sgd', and a constraint compares numbers"):
        Constraints(_space("opt <= 3", opt="choice(sgd, adam)")).before_training({"opt": "sgd"})


def test_a_grid_has_the_points_that_meet_the_constraints() -> None:
    """And says so where none is left."""
    points = feasible_grid(_space("a + b <= 2", a="range(3)", b="range(3)"))
    assert points == [{"a": a, "b": b} for a in range(3) for b in range(3) if a + b <= 2]
    with pytest.raises(SpaceError, match="none of the 9 points of the grid meets them all"):
        feasible_grid(_space("a + b <= -1", a="range(3)", b="range(3)"))


def test_constraints_are_part_of_a_study() -> None:
    """Another one is a change that can be accepted."""
    old, new = _space("x <= 1", x="interval(0, 1)"), _space("x <= 2", x="interval(0, 1)")
    assert space_from_json(space_to_json(old)) == old
    assert differences(old, new) == (["the constraint x <= 1 no longer holds", "the constraint x <= 2 is new"], [])
