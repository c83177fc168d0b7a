# SPDX-License-Identifier: MIT
"""Trials and learning curves as pandas data frames."""

from typing import TYPE_CHECKING

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.looking.curves import curve_of
from hyperopt_app.looking.tables.rows import columns_of, row_of
from hyperopt_app.looking.view import View

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["curves_frame", "require_pandas", "trials_frame"]


def require_pandas() -> None:
    """Check that pandas is installed.

    Raises:
        StudyMismatchError: It is not; the text says how to install it.
    """
    try:
        import pandas  # noqa: F401, ICN001
    except ModuleNotFoundError:
        raise StudyMismatchError(
            "Tables for Python need pandas, which is not installed: pip install 'hyperopt-app[report]'"
        ) from None


def trials_frame(view: View) -> "pd.DataFrame":
    """Return all trials, also those that no longer count, with the columns of `trials.csv`.

    The index is the trial's number; `start` is a time in UTC; what a trial does not have is NaN or None.
    """
    require_pandas()
    import pandas as pd

    rows = [row_of(view, trial) for trial in view.trials]
    frame = pd.DataFrame(rows, columns=columns_of(view, rows)).set_index("number")
    frame["start"] = pd.to_datetime(frame["start"].astype(float), unit="s", utc=True)
    for name in ("duration_s", "last_value"):
        frame[name] = frame[name].astype(float)
    return frame


def curves_frame(view: View) -> "pd.DataFrame":
    """Return the learning curves in long form: one row with `number`, `step` and `value` for each report."""
    require_pandas()
    import pandas as pd

    points = [(trial.number, step, value) for trial in view.trials for step, value in curve_of(trial)]
    frame = pd.DataFrame(points, columns=["number", "step", "value"])
    return frame.astype({"number": "int64", "step": "int64", "value": "float64"})
