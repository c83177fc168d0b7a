# SPDX-License-Identifier: MIT
"""Write the trials of a study into a file of another program, or into a storage of Optuna's."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.errors import StorageError, StudyMismatchError
from hyperopt_app.looking.curves import curve_of
from hyperopt_app.looking.tables.frames import require_pandas, trials_frame
from hyperopt_app.looking.tables.json_data import plain_json
from hyperopt_app.looking.tables.rows import row_of, value_columns
from hyperopt_app.looking.view import View
from hyperopt_app.results.trials_csv import trials_csv
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study import trial_facts
from hyperopt_app.study.identity import stored_identity
from hyperopt_app.support.display_text import counted
from hyperopt_app.support.files import replace_text, replacing
from hyperopt_app.support.passwords import mask_password

if TYPE_CHECKING:
    import pandas as pd
    from optuna.storages import BaseStorage

__all__ = ["csv_text", "exported", "json_data"]

_STORAGES = (".log", ".journal", ".db", ".sqlite", ".sqlite3")
_FORMS = "a file that ends in .csv, .json or .parquet, or a storage of Optuna's: a URL, .log or .db"


def exported(view: View, target: str, source: "BaseStorage") -> str:
    """Write the trials and return a line that says what was written.

    Args:
        view: The study.
        target: A file that ends in `.csv`, `.json` or `.parquet`, which is replaced; or an Optuna storage: a URL, or a
            file that ends in `.log` or `.db`, to which the study is added.
        source: The storage of the study.

    Raises:
        StudyMismatchError: The target is none of these, or already holds a study of that name.
        StorageError: The storage cannot be used.
        OSError: The file cannot be written.
    """
    suffix, path = Path(target).suffix.lower(), Path(target)
    if "://" in target or target.startswith("journal:") or suffix in _STORAGES:
        return _copied(view, target, suffix, source)
    n_trials = len(view.trials)
    if suffix == ".csv":
        replace_text(path, csv_text(view))
        n_trials = sum(word != "waiting" for word in trial_facts.state_words(view.trials))
    elif suffix == ".json":
        replace_text(path, json.dumps(plain_json(json_data(view)), indent=2, ensure_ascii=False) + "\n")
    elif suffix == ".parquet":
        _write_parquet(view, path)
    else:
        raise StudyMismatchError(f"--to {target}: not a form that can be written; give {_FORMS}")
    return f"{counted(n_trials, 'trial')} of {view.directory} written to {target}"


def csv_text(view: View) -> str:
    """Return the text of `trials.csv`, made anew."""
    identity = stored_identity(view.study)
    plain = frozenset[str]() if identity is None else identity.space.plain
    return trials_csv(view.trials, value_columns(view), plain, view.aside)


def json_data(view: View) -> dict[str, Any]:
    """Return the study and its trials with their curves as plain data."""
    return {
        "study": view.name,
        "metrics": list(view.metrics),
        "directions": list(view.directions),
        "trials": [{**row_of(view, trial), "curve": curve_of(trial)} for trial in view.trials],
    }


def _write_parquet(view: View, path: Path) -> None:
    require_pandas()
    frame = trials_frame(view).reset_index()
    for name in frame.columns:
        frame[name] = _of_one_type(frame[name])
    try:
        with replacing(path) as aside:
            frame.to_parquet(aside, index=False, engine="pyarrow")
    except ImportError:
        raise StudyMismatchError(
            f"--to {path}: Parquet needs pyarrow, which is not installed: pip install 'hyperopt-app[parquet]'"
        ) from None


def _of_one_type(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a column whose values have one type, as Parquet asks: texts, if they have several or are lists."""
    kinds = {type(value) for value in column.dropna()}
    if len(kinds) <= 1 and not kinds & {list, dict}:
        return column
    if kinds <= {int, float}:
        return column.astype(float)
    return column.map(str, na_action="ignore")


def _copied(view: View, target: str, suffix: str, source: "BaseStorage") -> str:
    import optuna

    shown = mask_password(target)
    url = f"sqlite:///{target}" if suffix in _STORAGES[2:] and "://" not in target else target
    storage = open_storage(url, Path.cwd())
    try:
        optuna.copy_study(from_study_name=view.name, from_storage=source, to_storage=storage, to_study_name=view.name)
    except optuna.exceptions.DuplicatedStudyError:
        raise StudyMismatchError(
            f"--to {shown}: it already holds a study {view.name!r}; nothing was written. Give another storage"
        ) from None
    except optuna.exceptions.StorageInternalError as error:
        raise StorageError(f"--to {shown}: {' '.join(str(error).split())}") from None
    return f"The study {view.name} with {counted(len(view.trials), 'trial')} was copied to {shown}"
