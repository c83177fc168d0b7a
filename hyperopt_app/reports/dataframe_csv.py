# SPDX-License-Identifier: MIT
"""Format all trials as CSV text with the columns of Optuna's `Study.trials_dataframe`, without pandas."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hyperopt_app.objective.trial import OWN_ATTRIBUTES as _OF_ALL_TRIALS

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["OWN_ATTRIBUTES", "study_csv"]

# What this project keeps with a trial; the original had none of it, and its readers would stumble over mappings.
OWN_ATTRIBUTES = _OF_ALL_TRIALS | {"closed", "legacy"}


def study_csv(
    trials: Sequence["FrozenTrial"], params_of: Callable[["FrozenTrial"], Mapping[str, Any]], objectives: int
) -> str:
    """Format `trials_dataframe().to_csv(index=False)`, without this package's own attributes.

    Trials that nobody has begun are left out: this project's studies hold tickets for those to come.

    Args:
        trials: All trials of a study.
        params_of: Gives a trial's parameters.
        objectives: Number of the values that are optimised.
    """
    trials = [trial for trial in trials if trial.state.name != "WAITING"]
    params = [params_of(trial) for trial in trials]
    attributes = [_attributes(trial.user_attrs) for trial in trials]
    # What Optuna 5's sampler notes for itself was not in the tables of old.
    system = [{k: v for k, v in trial.system_attrs.items() if not k.startswith("tpe:")} for trial in trials]
    names = [sorted({name for table in tables for name in table}) for tables in (params, attributes, system)]
    values = ["value"] if objectives == 1 else [f"values_{index}" for index in range(objectives)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = ("params", "user_attrs", "system_attrs")
    columns = [f"{head}_{name}" for head, group in zip(heads, names, strict=True) for name in group]
    writer.writerow(["number", *values, "datetime_start", "datetime_complete", "duration", *columns, "state"])
    for trial, *tables in zip(trials, params, attributes, system, strict=True):
        cells = [_cell(table.get(name)) for table, group in zip(tables, names, strict=True) for name in group]
        results = [_cell(value) for value in trial.values or [None] * objectives]
        times = [_time(trial.datetime_start), _time(trial.datetime_complete), _duration(trial.duration)]
        writer.writerow([trial.number, *results, *times, *cells, trial.state.name])
    return text.getvalue()


def _attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in OWN_ATTRIBUTES}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(value)


def _time(time: datetime | None) -> str:
    # pandas gives all times of a column as many digits as the longest has: six.
    return "" if time is None else time.isoformat(sep=" ", timespec="microseconds")


def _duration(duration: timedelta | None) -> str:
    if duration is None:
        return ""
    seconds = duration.seconds
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{duration.days} days {clock}.{duration.microseconds:06}"
