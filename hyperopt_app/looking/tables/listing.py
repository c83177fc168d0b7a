# SPDX-License-Identifier: MIT
"""Select the trials that a user asks for, and format them as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from hyperopt_app.looking.tables.rows import Row, columns_of, named_column, row_of, short_name, value_columns
from hyperopt_app.looking.tables.selecting import parsed_condition, sorted_rows
from hyperopt_app.looking.view import View
from hyperopt_app.study.trial_facts import state_word
from hyperopt_app.support.display_text import value_text

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["TextTable", "Wanted", "best_table", "nothing_line", "selected", "text_table", "usual_columns"]

_BEGUN = ("complete", "pruned", "failed", "running")
# Of an error's text in a table, in characters.
_LONGEST_ERROR = 60


@dataclass(frozen=True)
class Wanted:
    """The trials that a user asks for.

    Attributes:
        top: How many, the best first; None for all by number.
        states: The states; without any all but waiting trials, and with `top` the complete ones.
        where: Conditions, all of which must hold.
        sort: A column to order by, with a minus before it for descending; empty for none.
        set_aside: Whether trials that no longer count are wanted too.
        imported: Whether the imported trials are wanted, and no others.
    """

    top: int | None = None
    states: Sequence[str] = ()
    where: Sequence[str] = ()
    sort: str = ""
    set_aside: bool = False
    imported: bool = False


class TextTable(NamedTuple):
    """A table of texts: headers, cells by rows, and the indices of the columns that are aligned to the right."""

    headers: list[str]
    cells: list[list[str]]
    right: list[int]


def selected(view: View, wanted: Wanted) -> tuple[list[Row], list[str]]:
    """Return the rows of the trials that are asked for, and all columns that rows of this study have.

    Raises:
        StudyMismatchError: A condition or a column cannot be understood.
    """
    rows = [row_of(view, trial) for trial in _candidates(view, wanted)]
    columns = columns_of(view, rows)
    conditions = [parsed_condition(view, columns, text) for text in wanted.where]
    rows = [row for row in rows if all(condition.holds(row) for condition in conditions)]
    if wanted.sort:
        name = wanted.sort.removeprefix("-")
        rows = sorted_rows(rows, named_column(view, columns, name), descending=wanted.sort != name)
    return rows[: wanted.top], columns


def _candidates(view: View, wanted: Wanted) -> "Sequence[FrozenTrial]":
    if wanted.imported:
        theirs = [trial for trial in view.trials if trial.number in view.imported]
        chosen = [trial for trial in theirs if not wanted.states or state_word(trial) in wanted.states]
        return view.ranking.in_order(chosen) if wanted.top else chosen
    if wanted.top and not wanted.states:
        return view.ranked(None if wanted.where or wanted.sort else wanted.top)
    trials, states = view.trials if wanted.set_aside else view.counting, wanted.states or _BEGUN
    chosen = [trial for trial in trials if state_word(trial) in states]
    if not wanted.top:
        return chosen
    places = {trial.number: place for place, trial in enumerate(view.ranked())}
    return sorted(chosen, key=lambda trial: (places.get(trial.number, len(places)), trial.number))


def nothing_line(view: View) -> str:
    """Say that no trial is of the kind that was asked for, and which there are."""
    counts = ", ".join(f"{count} {state}" for state, count in view.counts.items() if count) or "none"
    return f"No trial of {view.directory} is of this kind; of those that count there are: {counts}."


def usual_columns(view: View, rows: Sequence[Row], columns: Sequence[str], wanted: str = "") -> list[str]:
    """Return the columns of a table.

    Args:
        view: The study.
        rows: What is shown; a column that is empty in all of them is left out if nobody asked for it.
        columns: All that there are.
        wanted: What the user asked for, with commas; `all` for all, empty for the usual ones.

    Raises:
        StudyMismatchError: One of them is not a column.
    """
    if wanted == "all":
        return list(columns)
    if wanted:
        return [named_column(view, columns, name.strip()) for name in wanted.split(",") if name.strip()]
    params = [column for column in columns if column.startswith("params.")]
    notes = ("failure_kind", "error", "set_aside", "infeasible")
    further = [name for name in notes if any(row.get(name) is not None for row in rows)]
    reported = ["last_value"] if any(row["state"] in ("pruned", "running") for row in rows) else []
    values = [*value_columns(view), *_in_turn(view, rows)]
    return ["number", "state", *values, *reported, "duration_s", *params, *further]


def best_table(view: View, rows: Sequence[Row]) -> TextTable:
    """Format the table of the best trials: values, parameters, durations, directories."""
    params = [column for column in columns_of(view, rows) if column.startswith("params.")]
    values = [*value_columns(view), *_in_turn(view, rows)]
    return text_table(view, rows, ["number", *values, *params, "duration_s", "directory"])


def _in_turn(view: View, rows: Sequence[Row]) -> list[str]:
    """Return the columns of the metrics by which the best is chosen behind the first one."""
    columns = [f"metrics.{step['metric']}" for step in view.ranking.order[1:]]
    return [column for column in columns if any(column in row for row in rows)]


def text_table(view: View, rows: Sequence[Row], columns: Sequence[str]) -> TextTable:
    """Format these columns of the rows as texts."""
    right = [index for index, column in enumerate(columns) if any(_is_numeric(row.get(column)) for row in rows)]
    headers = [short_name(view, column) for column in columns]
    return TextTable(headers, [[_cell_text(column, row) for column in columns] for row in rows], right)


def _is_numeric(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell_text(column: str, row: Row) -> str:
    value = row.get(column)
    if value is None:
        return "null" if column in row and column.startswith("params.") else ""
    if column == "start":
        return datetime.fromtimestamp(value).isoformat(sep=" ", timespec="seconds")  # noqa: DTZ006
    if column == "duration_s":
        return f"{value:.1f}"
    if column == "error" and len(value) > _LONGEST_ERROR:
        return f"{value[: _LONGEST_ERROR - 3]}..."
    return value_text(value)
