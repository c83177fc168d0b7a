# SPDX-License-Identifier: MIT
"""Laws of the original's tables: what is written is read back, by us and by pandas, and written again unchanged."""

import csv
import io
import math
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.legacy.tables import trial_table
from hyperopt_app.legacy.tables.trial_table import Result

NAMES = st.sampled_from(["lr", "layers", "trial", "pruned", "val_loss", "best_val_loss", "a,b", 'q"', "lr_result"])
# pandas cannot read a lone carriage return or a zero byte in a cell.
TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\0"), max_size=8)
PLAIN = st.one_of(st.floats(), st.integers(), st.booleans(), st.none(), TEXTS)
VALUES = st.one_of(PLAIN, st.lists(PLAIN, max_size=3))
RESULTS = st.lists(
    st.builds(
        Result,
        number=st.integers(0, 10**6),
        params=st.dictionaries(NAMES, VALUES, max_size=4),
        results=st.dictionaries(NAMES, VALUES, max_size=4),
        pruned=st.sampled_from([True, False, None]),
        best=st.one_of(st.none(), st.floats(allow_nan=False)),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.number,
)
HEADINGS = st.sampled_from(["", "best_val_loss"])


@given(RESULTS, HEADINGS)
def test_a_table_is_read_back(results: list[Result], best_heading: str) -> None:
    """parse(to_csv(rows)) equals rows; no column is lost to another of the same name."""
    rows = trial_table.rows_of(results, best_heading)
    names = {name for result in results for name in result.params}
    keys = {key for result in results for key in result.results}
    columns = 1 + len(names) + len(keys) + bool(best_heading) + any(result.pruned is not None for result in results)
    assert {len(row) for row in rows} == {columns}
    assert trial_table.parse(trial_table.to_csv(rows, best_heading)) == rows


@given(RESULTS, HEADINGS)
def test_pandas_reads_the_same_texts(results: list[Result], best_heading: str) -> None:
    """Every cell is for pandas what it is for us."""
    rows = trial_table.rows_of(results, best_heading)
    text = trial_table.to_csv(rows, best_heading)
    table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, index_col=0, lineterminator="\n")
    assert table.to_dict("records") == rows


@given(st.lists(st.floats(), min_size=1, max_size=20))
def test_pandas_reads_the_same_numbers(values: list[float]) -> None:
    """No digit of a float is lost, whatever it is."""
    rows = trial_table.rows_of([Result(k, {}, {"val_loss": value}) for k, value in enumerate(values)])
    text = trial_table.to_csv(rows)
    written = [float(row["val_loss"] or "nan") for row in csv.DictReader(io.StringIO(text))]
    assert all(_same(one, other) for one, other in zip(written, values, strict=True))
    # The reader of pandas 2 is wrong in the last digits, from the thirteenth on.
    tolerance = 1e-11 if pd.__version__.startswith("2.") else 1e-15
    read = pd.read_csv(io.StringIO(text)).val_loss
    assert all(_same(one, other, tolerance) for one, other in zip(read, values, strict=True))


def _same(one: Any, other: float, tolerance: float = 0.0) -> bool:
    return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=tolerance)


@given(RESULTS, HEADINGS)
def test_what_we_have_written_is_never_foreign(results: list[Result], best_heading: str) -> None:
    """Merging a table with its own file changes nothing."""
    rows = trial_table.rows_of(results, best_heading)
    again = trial_table.parse(trial_table.to_csv(rows, best_heading))
    assert trial_table.foreign_rows(again, trial_table.by_number(rows), best_heading) == []
    assert trial_table.merged([rows, again], best_heading) == rows


@given(RESULTS, RESULTS)
def test_merging_loses_nothing(first: list[Result], second: list[Result]) -> None:
    """Each row of each table is said by some row of the merged one, and merging twice is merging once."""
    both = [trial_table.rows_of(first), trial_table.rows_of(second)]
    rows = trial_table.merged(both)
    known = trial_table.by_number(rows)
    assert all(trial_table.foreign_rows(table, known) == [] for table in both)
    assert trial_table.merged([rows, *both]) == rows
