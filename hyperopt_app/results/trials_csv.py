# SPDX-License-Identifier: MIT
"""Format the table of all trials as CSV text, and look up a trial in such a table; writes no file."""

import contextlib
import csv
import io
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hyperopt_app.repeats.shown import repeat_cells, repeat_columns
from hyperopt_app.study import trial_facts
from hyperopt_app.study.records import trial_records

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["number_of_seed", "text_of_cell", "trials_csv"]

_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"[+-]?(\d[\d_]*\.?|\.\d)[\d_]*([eE][+-]?\d+)?")
_SPELLED = {None: "null", True: "true", False: "false"}


def trials_csv(
    trials: Sequence["FrozenTrial"],
    columns: Sequence[str],
    plain: Container[str] = (),
    aside: Mapping[int, str] = MappingProxyType({}),
) -> str:
    """Format one row per started trial, with a header.

    Only a complete trial has a value; what another has reported last stands in `last_value`. Where trials have
    constraints, a column each has their values, above 0 where one is violated, and a later column says it in words.
    Where configurations are trained with several seeds, the last columns have the values of the repeats.

    Args:
        trials: Trials of one study; waiting ones are left out.
        columns: Headers of the optimised values.
        plain: Parameters that the study holds as values; they are written as override text too, which tells '10.0'
            from 10.0.
        aside: Why which trials no longer count, by number.

    Returns:
        The text; lines end in a bare line feed, a cell that needs quotes has them.
    """
    shown = [trial for trial in trials if trial_facts.state_word(trial) != "waiting"]
    params = _union(trial.params for trial in shown)
    metrics = _union(trial_records.metrics_of(trial) for trial in shown)
    constraints = _union(trial.constraints for trial in shown)
    repeats = repeat_columns(repeat_cells(trial, columns) for trial in shown)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["number", "state", *columns]
        + [f"params.{name}" for name in params]
        + [f"metrics.{name}" for name in metrics]
        + [f"constraints.{name}" for name in constraints]
        + ["start", "duration_s", "worker", "host", "directory", "error"]
        + ["failure_kind", "seed", "steps", "attempts", "last_value", "set_aside"]
        + ["infeasible"] * bool(constraints)
        + repeats
    )
    for trial in shown:
        row = _row(trial, len(columns), params, metrics, constraints, plain)
        last = [trial_facts.infeasible_text(trial)] if constraints else []
        seeds = _cells({name: _blank(cell) for name, cell in repeat_cells(trial, columns).items()}, repeats)
        writer.writerow([*row, _no_formula(aside.get(trial.number, "")), *map(_no_formula, last), *seeds])
    return text.getvalue()


def _union(tables: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return all names in the order of their first appearance."""
    # Nearly all trials have the same names, so first the few different lists of them.
    lists = dict.fromkeys(map(tuple, tables))
    return list(dict.fromkeys(name for names in lists for name in names))


def _row(
    trial: "FrozenTrial",
    values: int,
    params: Sequence[str],
    metrics: Sequence[str],
    constraints: Sequence[str],
    plain: Container[str],
) -> list[Any]:
    from hyperopt_app.space.sweep_text import value_text  # loads Optuna, which a study that is read has loaded

    claim, returned = trial_records.holder_of(trial), trial_records.metrics_of(trial)
    chosen = {name: value_text(value) if name in plain else value for name, value in trial.params.items()}
    duration_s, start = trial_facts.duration_s(trial), trial_facts.begun_at(trial)
    state = trial_facts.state_word(trial)
    return [
        trial.number,
        state,
        *((state == "complete" and trial.values) or [""] * values),
        *_cells(chosen, params),
        *_cells(returned, metrics),
        *_cells(trial.constraints, constraints),
        "" if start is None else start.isoformat(timespec="seconds"),
        "" if duration_s is None else f"{duration_s:.3f}",
        claim.get("number", ""),
        claim.get("host", ""),
        trial_records.directory_of(trial) or "",
        _no_formula(trial_facts.failure_text(trial)),
        trial_facts.failure_kind(trial),
        _blank(trial_records.seed_of(trial)),
        len(trial.intermediate_values),
        trial_facts.count_of_attempts(trial),
        _blank(trial_facts.last_value(trial)),
    ]


def _blank(cell: float | None) -> float | str:
    return "" if cell is None else cell


def _cells(table: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Format booleans and null as Hydra does; an empty cell means that the trial has no such entry."""
    return [_cell(table.get(name, "")) for name in names]


def _cell(value: Any) -> Any:
    if value is None or value is True or value is False:
        return _SPELLED[value]
    return _no_formula(value) if isinstance(value, str) else value


def _no_formula(text: str) -> str:
    """Escape a text that a spreadsheet would run as a formula; a number stays unchanged."""
    return f"'{text}" if text.startswith(_BEGINS_FORMULA) and not _NUMBER.fullmatch(text) else text


def text_of_cell(cell: str) -> str:
    """Return the text that `trials_csv` has written into a cell, without its mark before what looks like a formula.

    An override text in quotes, such as `'=a'`, has no mark; what lacks the closing quote has.
    """
    text = cell.removeprefix("'")
    return text if not cell.endswith("'") and _no_formula(text) == cell else cell


def number_of_seed(tables: Iterable[Path], seed: int | None) -> int | None:
    """Return the number of the trial that trained with a seed; None if there is none.

    Args:
        tables: Files as `trials_csv` formats them; one that cannot be read is passed over.
        seed: None for none.
    """
    for table in tables if seed is not None else ():
        with contextlib.suppress(OSError, ValueError, KeyError), table.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row.get("seed") == str(seed):
                    return int(row["number"])
    return None
