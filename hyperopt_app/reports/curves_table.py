# SPDX-License-Identifier: MIT
"""Write the learning curves of a study as a table, for pandas and others: Parquet if pyarrow is installed, else CSV."""

import csv
import importlib.util
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.support.files import replace_text, replacing

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["write_curves"]

_COLUMNS = ("number", "step", "value")


def write_curves(trials: Sequence["FrozenTrial"], folder: Path) -> Path | None:
    """Write a row for each reported value: the trial's number, the step, the value.

    Args:
        trials: Of one study.
        folder: Where the table goes; it exists.

    Returns:
        The file; None if no trial has reported a value.

    Raises:
        OSError: The folder cannot be written.
    """
    if not any(trial.intermediate_values for trial in trials):
        return None
    rows = _rows_of_curves(trials)
    if importlib.util.find_spec("pyarrow") is not None and importlib.util.find_spec("pandas") is not None:
        import pandas as pd

        path = folder / "curves.parquet"
        with replacing(path) as aside:
            pd.DataFrame(rows, columns=list(_COLUMNS)).to_parquet(aside, index=False)
        return path
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(rows)
    path = folder / "curves.csv"
    replace_text(path, text.getvalue())
    return path


def _rows_of_curves(trials: Sequence["FrozenTrial"]) -> Iterator[tuple[int, int, float]]:
    for trial in trials:
        for step, value in sorted(trial.intermediate_values.items()):
            yield trial.number, step, float(value)
