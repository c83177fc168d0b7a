# SPDX-License-Identifier: MIT
"""Read constraints such as `latency_ms <= 100`, and say by how much a trial violates them.

A constraint is a text of somebody's config. Python's parser makes a tree of it, of which comparisons, sums, products,
numbers and names are taken and everything else is refused; nothing of it is ever run.
"""

import ast
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import add, mul, sub, truediv
from typing import Any

from hyperopt_app.errors import SpaceError
from hyperopt_app.space.override_text import element_of
from hyperopt_app.space.points import grid_points
from hyperopt_app.space.space import Space
from hyperopt_app.support.display_text import shortened

__all__ = [
    "LARGEST_VIOLATION",
    "Constraint",
    "Constraints",
    "feasible_grid",
    "unreadable_constraints",
]

# What is stored where a constraint has no number: of NaN, of a division by zero, of what is beyond a float. Samplers
# square it.
LARGEST_VIOLATION = 1e30
_LONGEST = 200  # characters; a database keeps names of 512
_CALCULATED: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: add,
    ast.Sub: sub,
    ast.Mult: mul,
    ast.Div: truediv,
}
_ALLOWED = "write NAME <= NUMBER, with <=, <, >= or >, and sums and products of names and numbers on either side"


class Constraint:
    """One constraint.

    Args:
        text: As the user has written it.

    Attributes:
        text: The same without blanks around it; its name in the study.
        names: The metrics and parameters that it names.

    Raises:
        SpaceError: The text is not a constraint.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        if len(self.text) > _LONGEST:
            raise SpaceError(f"it has {len(self.text)} characters, at most {_LONGEST} are allowed; split it")
        try:
            tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise SpaceError(f"it cannot be read; {_ALLOWED}") from None
        if not isinstance(tree, ast.Compare):
            raise SpaceError(f"it compares nothing; {_ALLOWED}")
        for operator in tree.ops:
            if not isinstance(operator, (ast.LtE, ast.Lt, ast.GtE, ast.Gt)):
                raise SpaceError(f"only <=, <, >= and > are constraints; {_ALLOWED}")
        self._operators = tree.ops
        self._sides = [tree.left, *tree.comparators]
        self.names = tuple(dict.fromkeys(name for side in self._sides for name in _named_in(side)))
        if not self.names:
            raise SpaceError(f"it names neither a metric nor a parameter; {_ALLOWED}")

    def violation(self, values: Mapping[str, Any]) -> float:
        """Return by how much the constraint is violated: 0 or less if it holds, as Optuna wants it.

        Args:
            values: Name to value, for all names of the constraint.

        Raises:
            SpaceError: One of them is not a number.
        """
        try:
            sides = [_calculated(side, values) for side in self._sides]
        except (ZeroDivisionError, OverflowError):
            return LARGEST_VIOLATION
        pairs = zip(self._operators, sides, sides[1:], strict=False)
        return max(_excess(operator, left, right) for operator, left, right in pairs)


def _excess(operator: ast.cmpop, left: float, right: float) -> float:
    """Return by how much the left side is too large, or the right one if it must be the larger one."""
    large, small = (left, right) if isinstance(operator, (ast.LtE, ast.Lt)) else (right, left)
    excess = large - small if large != small else 0.0  # of two infinities too
    if math.isnan(excess):
        return LARGEST_VIOLATION
    if excess == 0 and isinstance(operator, (ast.Lt, ast.Gt)):
        return math.ulp(max(abs(large), 1.0))  # Optuna knows no strict constraints
    return min(max(excess, -LARGEST_VIOLATION), LARGEST_VIOLATION)


def _named_in(node: ast.expr) -> Iterator[str]:
    """Yield the names in one side.

    Raises:
        SpaceError: It holds something else than names, numbers, sums and products.
    """
    if isinstance(node, ast.BinOp) and type(node.op) in _CALCULATED:
        yield from _named_in(node.left)
        yield from _named_in(node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        yield from _named_in(node.operand)
    elif not _is_literal(node):
        name = _name_of(node)
        if name is None:
            shown = shortened(ast.unparse(node))
            raise SpaceError(f"{shown!r} is neither a name nor a number; {_ALLOWED}")
        yield name


def _is_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool)


def _name_of(node: ast.expr) -> str | None:
    """Return the name for which a node stands: `rate`, `optimizer.rate` or, of any characters, `'val-loss'`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip():
        return node.value
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = _name_of(node.value)
        return None if above is None else f"{above}.{node.attr}"
    return None


def _calculated(node: ast.expr, values: Mapping[str, Any]) -> float:
    if isinstance(node, ast.BinOp):
        return _CALCULATED[type(node.op)](_calculated(node.left, values), _calculated(node.right, values))
    if isinstance(node, ast.UnaryOp):
        value = _calculated(node.operand, values)
        return -value if isinstance(node.op, ast.USub) else value
    if _is_literal(node):
        return float(node.value)  # type: ignore[attr-defined]
    name = str(_name_of(node))
    value = values[name]
    if not isinstance(value, (int, float)):
        raise SpaceError(f"{name} is {shortened(repr(value))}, and a constraint compares numbers")
    return float(value)


@lru_cache(maxsize=4096)
def _element(text: str) -> Any:
    """Return what a choice stands for; the same few choices come again in every point."""
    return element_of(text)


def unreadable_constraints(texts: Sequence[Any]) -> list[str]:
    """Return one line for each text that is not a constraint, or is there twice."""
    faults, known = list[str](), set[str]()
    for number, text in enumerate(texts):
        where = f"hydra.sweeper.constraints[{number}]"
        try:
            if not isinstance(text, str):
                raise SpaceError(f"it is not a text; {_ALLOWED}")
            constraint = Constraint(text)
        except SpaceError as error:
            faults.append(f"{where}: {shortened(repr(text))}: {error}")
            continue
        if constraint.text in known:
            faults.append(f"{where}: {constraint.text!r} is there twice; write it once")
        known.add(constraint.text)
    return faults


def feasible_grid(space: Space) -> list[dict[str, Any]]:
    """Return the points of `points.grid_points` that violate no constraint on parameters.

    Raises:
        SpaceError: A range has no step, or every point of the grid violates a constraint.
    """
    constraints, points = Constraints(space), grid_points(space)
    left = [point for point in points if constraints.is_feasible(point)] if constraints.of_parameters else points
    if points and not left:
        raise SpaceError(f"hydra.sweeper.constraints: none of the {len(points):,} points of the grid meets them all")
    return left


class Constraints:
    """All constraints of a space.

    A name is that of a parameter, fixed ones too, if there is such a one, and else that of a metric. A constraint on a
    parameter that a trial does not have, since its conditions do not hold, is met.

    Args:
        space: A space whose constraints can be read.

    Attributes:
        of_parameters: Those that name parameters alone.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._all = tuple(map(Constraint, space.constraints))
        self._fixed = {key.lstrip("+"): element_of(text) for key, text in space.pinned.items()}
        keys = {key.lstrip("+") for key in space.distributions}
        self._parameters = {*keys, *space.names.values(), *self._fixed}
        self.of_parameters = tuple(each for each in self._all if self._parameters.issuperset(each.names))

    def before_training(self, params: Mapping[str, Any]) -> dict[str, float]:
        """Return by how much a point violates each constraint that names parameters alone, by the constraint's text."""
        return self._violations(self.of_parameters, self._values(params))

    def is_feasible(self, params: Mapping[str, Any]) -> bool:
        """Whether a point, by name in the study, violates no constraint that names parameters alone."""
        return all(violation <= 0 for violation in self.before_training(params).values())

    def after_training(self, params: Mapping[str, Any], metrics: Mapping[str, float]) -> dict[str, float]:
        """Return by how much a trial violates each constraint, by the constraint's text.

        Raises:
            SpaceError: The objective has not returned what a constraint names.
        """
        values = {**metrics, **self._values(params)}
        for constraint in self._all:
            missing = [name for name in constraint.names if name not in values and name not in self._parameters]
            if missing:
                returned = ", ".join(metrics) or "no metrics"
                raise SpaceError(
                    f"hydra.sweeper.constraints: {constraint.text!r} names {', '.join(missing)}, which is not a "
                    f"parameter, and the objective returned {returned}; return a dictionary that has it, or correct it"
                )
        return self._violations(self._all, values)

    def _values(self, params: Mapping[str, Any]) -> dict[str, Any]:
        space = self._space
        texts = space.values(params)
        keys = {key.lstrip("+"): _element(text) if isinstance(text, str) else text for key, text in texts.items()}
        named = {space.names[key]: params[space.names[key]] for key in texts if key in space.names}
        others = {name: value for name, value in params.items() if name not in self._parameters}
        return {**self._fixed, **others, **named, **keys}

    def _violations(self, constraints: Sequence[Constraint], values: Mapping[str, Any]) -> dict[str, float]:
        # Each has a value in every trial, since Optuna's GPSampler takes no others.
        return {
            constraint.text: constraint.violation(values) if all(name in values for name in constraint.names) else 0.0
            for constraint in constraints
        }
