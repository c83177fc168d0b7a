# SPDX-License-Identifier: MIT
"""Build the original's result tables as rows and columns of text. Reads no study and no file.

A row maps headings to cell text; a missing heading is an empty cell. Whether a row of an existing file belongs to
this study is decided by its content, so no record of the writer is needed.
"""

import ast
import csv
import io
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Result",
    "Row",
    "by_number",
    "cell",
    "foreign_rows",
    "merged",
    "number_of",
    "parse",
    "rows_of",
    "to_csv",
]

Row = dict[str, str]

_TRIAL, _PRUNED = "trial", "pruned"
# Old files were read and written again by pandas, which cut numbers to about 12 digits.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Result:
    """What the tables show of one trial.

    Attributes:
        number: The trial's number.
        params: Its parameters by name.
        results: What train() returned, by key.
        pruned: Whether the pruner would have ended the trial; None where that cannot be asked.
        best: Best value of the metric up to the end of this trial; None if there is none.
    """

    number: int
    params: Mapping[str, Any]
    results: Mapping[str, Any]
    pruned: bool | None = None
    best: float | None = None


def rows_of(results: Sequence[Result], best_heading: str = "") -> list[Row]:
    """The rows of all trials, in the order of their numbers, with the headings of all in the same order.

    Headings: `trial`, the parameters, the keys of the results, the best value if it has a heading, `pruned`. A key
    of the results that is the name of a parameter, or of a column of ours, gets the suffix `_result`; a parameter
    called as a column of ours `_param`.
    """
    own = {_TRIAL, _PRUNED, best_heading}
    params = _headings(_union(result.params for result in results), own, "_param")
    keys = _headings(_union(result.results for result in results), own | set(params.values()), "_result")
    has_pruned = any(result.pruned is not None for result in results)
    return [
        {
            _TRIAL: str(result.number),
            **{heading: cell(result.params.get(name)) for name, heading in params.items()},
            **{heading: cell(result.results.get(key)) for key, heading in keys.items()},
            **({best_heading: cell(result.best)} if best_heading else {}),
            **({_PRUNED: "" if result.pruned is None else str(int(result.pruned))} if has_pruned else {}),
        }
        for result in sorted(results, key=lambda result: result.number)
    ]


def _union(tables: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return all names in the order of first appearance."""
    lists = dict.fromkeys(map(tuple, tables))
    return list(dict.fromkeys(name for names in lists for name in names))


def _headings(names: Sequence[str], taken: set[str], suffix: str) -> dict[str, str]:
    """Return a heading for each name; no two are equal and none is taken."""
    headings = {name: name for name in names if name not in taken}
    for name in names:
        heading = name
        while heading in taken or (name not in headings and heading in headings.values()):
            heading += suffix
        headings[name] = heading
    return {name: headings[name] for name in names}


def cell(value: Any) -> str:
    """Format a value as pandas would, lists and mappings too, without rounding."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    return str(value)


def parse(text: str) -> list[Row]:
    """Parse the rows of a file as the original, or this package, wrote it, without the columns of indices.

    Raises:
        ValueError: It is not a table of trials: it has no column `trial`, or other values than numbers in it.
    """
    csv.field_size_limit(sys.maxsize)  # a cell may hold the history of a long training
    try:
        lines = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    if not lines or _TRIAL not in lines[0]:
        raise ValueError("it has no column `trial`")
    columns = [(index, name) for index, name in enumerate(lines[0]) if name and not name.startswith("Unnamed: ")]
    rows = [{name: line[index] for index, name in columns if index < len(line)} for line in lines[1:] if line]
    for row in rows:
        number_of(row)
    return rows


def number_of(row: Row) -> int:
    """Return the number of the trial; pandas may have made a float of it.

    Raises:
        ValueError: The cell holds no number.
    """
    try:
        return int(float(row.get(_TRIAL, "")))
    except OverflowError as error:
        raise ValueError(str(error)) from error


def by_number(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """The rows of each trial; of one trial there are several where several studies wrote into one folder."""
    known: dict[int, list[Row]] = {}
    for row in rows:
        known.setdefault(number_of(row), []).append(row)
    return known


def foreign_rows(rows: Iterable[Row], known: Mapping[int, Sequence[Row]], best_heading: str = "") -> list[Row]:
    """Return rows with new information: of other studies, or of this one before it was continued.

    A found row says nothing new if its filled cells stand in a known row too, but for digits that were lost in
    reading and writing. The best value so far does not count: a late trial may change it.
    """
    return [row for row in rows if not any(_says(own, row, best_heading) for own in known.get(number_of(row), ()))]


def _says(known: Row, row: Row, best_heading: str) -> bool:
    return row == known or all(
        not text or name == best_heading or _is_close(known.get(name, ""), text) for name, text in row.items()
    )


def _is_close(first: str, second: str) -> bool:
    if first == second:
        return True
    try:
        number, other = float(first), float(second)
    except ValueError:
        return first[:1] in ("[", "{") and second[:1] in ("[", "{") and _parsed_cell(first) == _parsed_cell(second)
    return math.isclose(number, other, rel_tol=_TOLERANCE) or (math.isnan(number) and math.isnan(other))


def _parsed_cell(text: str) -> Any:
    """Parse a list or mapping in Python's form, or in JSON, which an earlier release wrote; else return the text."""
    for read in (ast.literal_eval, json.loads):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return text


def merged(tables: Iterable[Sequence[Row]], best_heading: str = "") -> list[Row]:
    """Merge the rows of all tables by number, without rows that an earlier table contains already."""
    known: dict[int, list[Row]] = {}
    for table in tables:
        for row in foreign_rows(table, known, best_heading):
            known.setdefault(number_of(row), []).append(row)
    return [row for number in sorted(known) for row in known[number]]


def to_csv(rows: Sequence[Row], best_heading: str = "", *, is_sorted: bool = False) -> str:
    """Format the table as pandas writes it: the first column is an index and has no heading.

    Args:
        rows: In the order in which they are written.
        best_heading: The column before the last.
        is_sorted: Write the columns in the order of their headings.
    """
    headings = _union(rows)
    last = [name for name in (best_heading, _PRUNED) if name in headings]
    order = [_TRIAL, *(name for name in headings if name not in (_TRIAL, *last)), *last]
    if is_sorted:
        order.sort()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["", *order])
    writer.writerows([index, *(row.get(name, "") for name in order)] for index, row in enumerate(rows))
    return text.getvalue()
