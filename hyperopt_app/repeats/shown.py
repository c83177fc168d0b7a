# SPDX-License-Identifier: MIT
"""A trial's repeats as cells of a table and lines of a text, and which of them is the best; pure, loads no Optuna."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hyperopt_app.repeats.aggregate import spread
from hyperopt_app.study.records.trial_records import race_of, repeats_of
from hyperopt_app.study.trial_directory import repeat_directory
from hyperopt_app.support.display_text import counted, value_text

if TYPE_CHECKING:
    from pathlib import Path

    from optuna.trial import FrozenTrial

__all__ = ["best_repeat", "race_text", "repeat_cells", "repeat_columns", "repeat_entries", "repeat_lines"]

_COUNT, _LOST = "repeats", "lost_to"


def best_repeat(trial: "FrozenTrial", *, maximize: bool) -> int | None:
    """Return the number of the repeat with the best first value; None if none has finished."""
    sign = -1.0 if maximize else 1.0
    values = [sign * record["values"][0] for record in repeats_of(trial)]
    return min(range(len(values)), key=values.__getitem__) if values else None


def repeat_cells(trial: "FrozenTrial", columns: Sequence[str]) -> dict[str, Any]:
    """Return a trial's repeats by the names of columns; empty where each configuration is trained once.

    Args:
        trial: Any trial.
        columns: The columns of the optimised values: `value`, or `value_...` for each of several.
    """
    records, race = repeats_of(trial), race_of(trial)
    if not records:
        return {}
    cells: dict[str, Any] = {_COUNT: len(records), _LOST: None if race is None else race["against"]}
    for place, column in enumerate(columns):
        values, name = [record["values"][place] for record in records], column.removeprefix("value")
        cells[f"spread{name}"] = spread(values)
        cells |= {f"repeat_{number}{name}": value for number, value in enumerate(values)}
    return cells


def repeat_columns(tables: Iterable[dict[str, Any]]) -> list[str]:
    """Return the columns of all these cells, the values of the repeats last, by number."""
    names = dict.fromkeys(name for cells in tables for name in cells)
    return sorted(names, key=_column_order)


def _column_order(name: str) -> tuple[int, int, str]:
    head, _, rest = name.partition("_")
    if head != "repeat":
        return (0 if name == _COUNT else 1 if head == "spread" else 2, 0, name)
    number, _, objective = rest.partition("_")
    return 3, int(number), objective


def race_text(trial: "FrozenTrial") -> str:
    """Return in words that the trial has lost the race; empty if it has not."""
    race = race_of(trial)
    if race is None:
        return ""
    return f"lost the race to trial {race['against']} after {counted(race['repeats'], 'repeat')}"


def repeat_lines(trial: "FrozenTrial", wanted: str) -> list[str]:
    """Return a trial's repeats as lines for people; empty where each configuration is trained once.

    Args:
        trial: Any trial.
        wanted: What the study asks for, e.g. `5 with mean`.
    """
    records, race = repeats_of(trial), race_of(trial)
    if not records:
        return []
    first = f"{len(records)} of {wanted}"
    if len(records) > 1:
        columns = zip(*(record["values"] for record in records), strict=True)
        first += f", spread {', '.join(value_text(spread(column)) for column in columns)}"
    if race is not None:
        first += f"; {race_text(trial)}, which chance alone explains with a probability of {race['chance']:.2g}"
    return [first, *(_line(number, record["values"], record["seed"]) for number, record in enumerate(records))]


def _line(number: int, values: Sequence[float], seed: int) -> str:
    return f"#{number}  {', '.join(map(value_text, values))}  seed {seed}"


def repeat_entries(trial: "FrozenTrial", directory: "Path | None") -> list[dict[str, Any]]:
    """Return a trial's repeats as plain data, with their learning curves.

    Args:
        trial: Any trial.
        directory: The trial's, as this host sees it.
    """
    return [
        {
            "repeat": number,
            "seed": record["seed"],
            "values": list(record["values"]),
            "metrics": dict(record["metrics"]),
            "curve": [list(point) for point in record["curve"]],
            "directory": None if directory is None else str(repeat_directory(directory, number)),
        }
        for number, record in enumerate(repeats_of(trial))
    ]
