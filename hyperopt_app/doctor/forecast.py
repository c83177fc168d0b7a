# SPDX-License-Identifier: MIT
"""Forecast what the rest of a study will cost, from its earlier trials or from the trial that was tried."""

from collections.abc import Mapping
from pathlib import Path

from hyperopt_app.doctor.check_result import CheckResult, ok
from hyperopt_app.errors import HyperoptError
from hyperopt_app.looking.opening import storage_in
from hyperopt_app.looking.view import View, read_view
from hyperopt_app.study.opening import only_study
from hyperopt_app.support.display_text import counted, value_text

__all__ = ["forecast_results"]

_HOUR_S = 3600.0


def forecast_results(
    directory: Path,
    storage: str | None,
    name: str,
    n_trials: int,
    budget: Mapping[str, float | None],
    tried_s: float | None,
) -> list[CheckResult]:
    """Say what a search will cost.

    Args:
        directory: The study's directory.
        storage: The setting `hydra.sweeper.storage`, absolute.
        name: The study's name.
        n_trials: The budget of trials.
        budget: `hydra.sweeper.budget`.
        tried_s: The seconds of the trial that was tried; None if none came to its end.
    """
    view = _earlier(directory, storage, name)
    if view is not None and view.ended and view.cost.total:
        left = max(n_trials - view.ended, 0)
        each, unit = view.cost.total / view.ended, view.cost.unit
        return [_judged(each, left, unit, f"{counted(view.ended, 'earlier trial')}", view.cost.total, budget)]
    if tried_s is not None:
        each = tried_s / _HOUR_S
        return [_judged(each, n_trials, "worker", "the trial that was tried", 0.0, budget)]
    return [ok("cost", "no earlier trial of this study has ended, so nothing is known; --try measures one trial")]


def _judged(
    each: float, left: int, unit: str, source: str, spent: float, budget: Mapping[str, float | None]
) -> CheckResult:
    total = each * left
    text = f"{counted(left, 'trial')} will cost {value_text(total)} {unit}-hours more, judged by {source}"
    limit = budget.get("gpu_hours")
    if unit != "GPU" or limit is None or spent + total <= limit:
        return ok("cost", text)
    most = int(max(limit - spent, 0.0) / each)
    beyond = f"{text}; with the {value_text(spent)} so far that is beyond hydra.sweeper.budget.gpu_hours={limit:g}"
    remedy = f"raise it, or expect the study to end after about {counted(most, 'further trial')}"
    return CheckResult("cost", "warning", beyond, remedy)


def _earlier(directory: Path, storage: str | None, name: str) -> View | None:
    """Return a view of the study, None if there is none."""
    try:
        return read_view(only_study(storage_in(directory, storage, reading=True)[0], name), directory)
    except (HyperoptError, OSError):
        return None
