# SPDX-License-Identifier: MIT
"""Select and order rows of trials by conditions that a user types, such as `lr<1e-3`."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.looking.tables.rows import Row, named_column
from hyperopt_app.looking.view import View
from hyperopt_app.support.display_text import value_text

__all__ = ["Condition", "parsed_condition", "sorted_rows"]

_FORM = re.compile(r"(.+?)\s*(<=|>=|!=|==|=|<|>)\s*(.*)", re.DOTALL)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Condition:
    """A comparison of a column with a value; a row without the column does not satisfy it.

    Attributes:
        column: The column's name in a row.
        comparison: One of `<`, `<=`, `>`, `>=`, `=`, `==`, `!=`.
        text: What the user wrote behind it.
    """

    column: str
    comparison: str
    text: str

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether the row satisfies the condition: numbers are compared as numbers, all else as text."""
        value = row.get(self.column)
        compare = _COMPARISONS[self.comparison]
        if value is None:
            is_null = self.column in row and self.column.startswith("params.")
            return is_null and self.comparison in ("=", "==") and self.text == "null"
        number = _as_float(self.text)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and number is not None:
            return compare(float(value), number)
        return compare(_text_of(value), self.text)


def parsed_condition(view: View, columns: Sequence[str], text: str) -> Condition:
    """Read a condition such as `lr<1e-3`, `optimizer=adam` or `state!=pruned`.

    Args:
        view: The study.
        columns: Of its rows.
        text: What the user typed.

    Raises:
        StudyMismatchError: It is not a condition, or names what the study does not have.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise StudyMismatchError(
            f"--where: {text!r} is not a condition; write a column, one of < <= > >= = != and a value: 'lr<1e-3'"
        )
    name, comparison, value = match.groups()
    return Condition(named_column(view, columns, name), comparison, value.strip("'\""))


def sorted_rows(rows: Sequence[Row], column: str, *, descending: bool = False) -> list[Row]:
    """Order rows by a column, numbers before texts; rows without a value come last, equal ones stay in their order."""

    def key(row: Row) -> tuple[bool, float, str]:
        value = row[column]
        if isinstance(value, (int, float)):
            return False, float(value), ""
        return True, 0.0, _text_of(value)

    having = [row for row in rows if row.get(column) is not None]
    return [*sorted(having, key=key, reverse=descending), *(row for row in rows if row.get(column) is None)]


def _as_float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else value_text(value)
