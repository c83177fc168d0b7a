# SPDX-License-Identifier: MIT
"""Read finished trials from a CSV file: a column for each parameter and each value, and perhaps one of states."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.importing.sources import Candidate, Source
from hyperopt_app.results.trials_csv import text_of_cell
from hyperopt_app.space.space import Space
from hyperopt_app.support.display_text import did_you_mean

__all__ = ["read_table"]

_STATES = {"complete": "complete", "completed": "complete", "pruned": "pruned", "fail": "failed", "failed": "failed"}
_UNFINISHED = ("running", "waiting")
# The columns that the table of runs of Weights & Biases has whatever is searched, and the words of its states.
_OF_WANDB = frozenset({"Name", "State"})
_STATES_OF_WANDB = {"finished": "complete", "crashed": "failed", "killed": "failed"}
_UNFINISHED_OF_WANDB = ("pending", "preempting", "preempted")
# The one that the header has most of.
_DELIMITERS = ",;\t"
_STATE, _ASIDE = "state", "set_aside"
# As this package writes them into trials.csv.
_PARAM = "params."
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None, "none": None}


@dataclass(frozen=True)
class _Columns:
    """Which column holds what: the place of each parameter by its key, of each value, of states and what is aside."""

    names: Sequence[str]
    params: Mapping[str, int]
    values: Sequence[int]
    state: int | None
    aside: int | None


def read_table(path: Path, space: Space, metrics: Sequence[str]) -> Source:
    """Read the rows of a CSV file, whose cells are separated by commas, semicolons or tabs.

    Args:
        path: The file. Its columns are the searched keys, the metrics (or `value`, or `value_...` with the metric's
            name) and perhaps `state`; or it is a `trials.csv` of this package, or what Weights & Biases exports of
            the runs of a sweep. In these two, other columns are passed over.
        space: What is searched.
        metrics: The names of the objectives.

    Raises:
        StudyMismatchError: The file cannot be read, or its columns do not fit; the text names all that do not.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            delimiter = max(_DELIMITERS, key=file.readline().count)
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter)
            header = [name.strip() for name in next(reader, [])]
            columns = _columns(path, header, space, metrics)
            rows = [_candidate(cells, reader.line_num, columns) for cells in reader if any(map(str.strip, cells))]
    except OSError as error:
        raise StudyMismatchError(f"{path} cannot be read: {error.strerror}; give a file that you may read") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise StudyMismatchError(f"{path} is not a CSV file in UTF-8: {error}") from None
    trials = [row for row in rows if row is not None]
    return Source(str(path), trials, len(rows) - len(trials))


def _columns(path: Path, header: Sequence[str], space: Space, metrics: Sequence[str]) -> _Columns:
    """Find what each column holds.

    Raises:
        StudyMismatchError: Columns are missing, there twice or of no known meaning; the text names all of them.
    """
    is_ours = any(name.startswith(_PARAM) for name in header)
    is_wandb = not is_ours and set(header) >= _OF_WANDB
    keys = {word: key for key in space.distributions for word in (key, key.lstrip("+"), space.names.get(key, key))}
    params = {
        keys[name.removeprefix(_PARAM)]: place
        for place, name in enumerate(header)
        if name.removeprefix(_PARAM) in keys and (name.startswith(_PARAM) or not is_ours)
    }
    values = [_place_of_value(header, index, metric, len(metrics)) for index, metric in enumerate(metrics)]
    word = "State" if is_wandb else _STATE
    state = header.index(word) if word in header else None
    used = {*params.values(), *values, state}
    names = {space.names.get(key, key) for key in params}
    searched = {space.names.get(key, key): key.lstrip("+") for key in space.distributions}
    faults = [f"column {name!r} is there twice" for name in dict.fromkeys(header) if name and header.count(name) > 1]
    faults += [f"column {key!r} is missing; it is searched" for name, key in searched.items() if name not in names]
    faults += [
        f"column {metric!r} is missing; it is what the study optimises"
        for metric, place in zip(metrics, values, strict=True)
        if place is None
    ]
    known = [*keys, *metrics, _STATE]
    faults += [
        f"column {place + 1}, {name!r}, is neither searched nor a value nor {_STATE!r}{did_you_mean(name, known)}"
        for place, name in enumerate(header)
        if place not in used and (name.startswith(_PARAM) or not (is_ours or is_wandb))
    ]
    if faults:
        lines = "\n".join(f"  - {line}" for line in faults)
        raise StudyMismatchError(f"{path}, line 1; nothing was imported:\n{lines}")
    aside = header.index(_ASIDE) if is_ours and _ASIDE in header else None
    return _Columns(header, params, [place for place in values if place is not None], state, aside)


def _place_of_value(header: Sequence[str], index: int, metric: str, objectives: int) -> int | None:
    names = [metric, f"value_{metric}", f"value_{index}", *(["value"] if objectives == 1 else [])]
    return next((header.index(name) for name in names if name in header), None)


def _candidate(cells: Sequence[str], line: int, columns: _Columns) -> Candidate | None:
    """Return the trial of a row; None if it has not ended or no longer counts."""
    faults = []
    if len(cells) != len(columns.names):
        faults.append(f"it has {len(cells)} cells, the header {len(columns.names)}")
    padded = [*(cell.strip() for cell in cells), *[""] * (len(columns.names) - len(cells))]
    word = padded[columns.state].lower() if columns.state is not None else "complete"
    if word in (*_UNFINISHED, *_UNFINISHED_OF_WANDB) or (columns.aside is not None and padded[columns.aside]):
        return None
    state = (_STATES | _STATES_OF_WANDB).get(word, "")
    if not state:
        faults.append(f"column {_STATE}: {word!r} is not known; write complete, pruned or failed")
    values = list(_row_values(padded, columns, faults)) if state == "complete" else []
    params = {key: _meanings(padded[place]) for key, place in columns.params.items() if padded[place]}
    names = {key: columns.names[place] for key, place in columns.params.items()}
    return Candidate(f"line {line}", params, names, state, values, faults=faults)


def _row_values(cells: Sequence[str], columns: _Columns, faults: list[str]) -> Iterator[float]:
    for place in columns.values:
        try:
            value = float(cells[place])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            faults.append(f"column {columns.names[place]}: {cells[place]!r} is not a finite number")
        yield value


def _meanings(cell: str) -> list[Any]:
    """Return what a cell may stand for: a number, a word of YAML's, a text, one that we marked as no formula."""
    numbers = list[Any]()
    for kind in (int, float):
        try:
            numbers.append(kind(cell))
        except ValueError:
            continue
    words = [_WORDS[cell.lower()]] if cell.lower() in _WORDS else []
    unmarked = text_of_cell(cell)
    return [*numbers, *words, cell, *([unmarked] if unmarked != cell else [])]
