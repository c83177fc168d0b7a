# SPDX-License-Identifier: MIT
"""One row of plain values for each trial, with the columns of `trials.csv`: for tables, filters, JSON and pandas."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.looking.view import View
from hyperopt_app.repeats.shown import repeat_cells, repeat_columns
from hyperopt_app.study import trial_facts
from hyperopt_app.study.records import trial_records
from hyperopt_app.study.trial_directory import place_now
from hyperopt_app.support.display_text import did_you_mean
from hyperopt_app.support.passwords import masked

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["Row", "columns_of", "named_column", "row_of", "short_name", "value_columns"]

Row = dict[str, Any]

# What stands behind the parameters and metrics, as in `results.trials_csv`.
_FACTS = (
    *("start", "duration_s", "worker", "host", "directory", "error", "failure_kind"),
    *("seed", "steps", "attempts", "last_value", "set_aside"),
)
# Where trials have constraints, the last column of all.
_INFEASIBLE = "infeasible"


def value_columns(view: View) -> list[str]:
    """Return the columns of the objectives' values: `value`, or `value_...` for each of several objectives."""
    names = view.study.metric_names or range(len(view.directions))
    return ["value"] if len(view.directions) == 1 else [f"value_{name}" for name in names]


def row_of(view: View, trial: "FrozenTrial") -> Row:
    """Return a trial as plain values by the names of columns.

    A parameter is the value that it stands for. What the trial does not have is None; `start` is in seconds since
    the epoch. Passwords of URLs are hidden.
    """
    start, claim = trial_facts.begun_at(trial), trial_records.holder_of(trial)
    is_complete = trial.state.name == "COMPLETE"
    values: Sequence[float | None] = trial.values if is_complete else [None] * len(view.directions)
    stored = trial_records.directory_of(trial)
    facts = (
        None if start is None else start.timestamp(),
        trial_facts.duration_s(trial),
        claim.get("number"),
        claim.get("host"),
        str(place_now(stored, view.directory) or stored or "") or None,
        trial_facts.failure_text(trial) or None,
        trial_facts.failure_kind(trial) or None,
        trial_records.seed_of(trial),
        len(trial.intermediate_values),
        trial_facts.count_of_attempts(trial),
        trial_facts.last_value(trial),
        view.aside.get(trial.number),
    )
    row = {"number": trial.number, "state": trial_facts.state_word(trial)}
    row |= dict(zip(value_columns(view), values, strict=True))
    row |= {f"params.{name}": value for name, value in view.params_of(trial).items()}
    row |= {f"metrics.{name}": value for name, value in trial_records.metrics_of(trial).items()}
    row |= {f"constraints.{name}": value for name, value in trial.constraints.items()}
    row |= dict(zip(_FACTS, facts, strict=True))
    row |= {_INFEASIBLE: trial_facts.infeasible_text(trial) or None} if trial.constraints else {}
    row |= repeat_cells(trial, value_columns(view))
    return {name: _cell_text(value) for name, value in row.items()}


def _cell_text(value: Any) -> Any:
    return value if isinstance(value, (int, float)) else masked(value)


def columns_of(view: View, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return all columns of these rows, in the order of `trials.csv`."""
    names = dict.fromkeys(name for keys in dict.fromkeys(map(tuple, rows)) for name in keys)
    params = [name for name in names if name.startswith("params.")]
    metrics = [name for name in names if name.startswith("metrics.")]
    constraints = [name for name in names if name.startswith("constraints.")]
    last = [_INFEASIBLE] if _INFEASIBLE in names else []
    known = {*params, *metrics, *constraints, *_FACTS, *last, "number", "state", *value_columns(view)}
    last += repeat_columns([dict.fromkeys(name for name in names if name not in known)])
    return ["number", "state", *value_columns(view), *params, *metrics, *constraints, *_FACTS, *last]


def short_name(view: View, column: str) -> str:
    """Return the name of a column in a table for people: a metric's, a parameter's, or the column's own."""
    values = value_columns(view)
    return view.metrics[values.index(column)] if column in values else column.removeprefix("params.")


def named_column(view: View, columns: Sequence[str], name: str) -> str:
    """Return the column that a user means by a name: its own, a metric's, a parameter's or the end of a dotted one.

    Raises:
        StudyMismatchError: There is none, or there are several; the text lists what there is.
    """
    metrics = dict(zip(view.metrics, value_columns(view), strict=True))
    candidates = [name, metrics.get(name, ""), f"params.{name}", f"metrics.{name}"]
    for candidate in candidates:
        if candidate in columns:
            return candidate
    ends = [column for column in columns if column.startswith("params.") and column.endswith(f".{name}")]
    if len(ends) == 1:
        return ends[0]
    known = list(dict.fromkeys(short_name(view, column) for column in columns))
    if ends:
        several = ", ".join(short_name(view, column) for column in ends)
        raise StudyMismatchError(f"{name}: several columns end so: {several}. Give one of them in full.")
    raise StudyMismatchError(
        f"{name}: not a column of this study{did_you_mean(name, known)}; the columns are {', '.join(known)}"
    )
