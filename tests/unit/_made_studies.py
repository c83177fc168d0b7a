# SPDX-License-Identifier: MIT
"""Studies in a directory, with trials of every kind, for tests of what looks at studies; no test stands here."""

import warnings
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState, create_trial

from hyperopt_app.budget.ticket_issue import issue, keep_budget
from hyperopt_app.looking.view import View, read_view
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.opening import create_study
from tests.unit._made_trials import START

SPACE: Mapping[str, BaseDistribution] = {
    "lr": FloatDistribution(1e-5, 1e-1, log=True),
    "width": IntDistribution(16, 128, step=16),
    "optimizer": CategoricalDistribution(["adam", "sgd"]),
}
POINT = {"lr": 1e-3, "width": 64, "optimizer": "adam"}


def ended(
    state: str = "COMPLETE",
    values: Sequence[float] | float | None = None,
    params: Mapping[str, Any] = POINT,
    *,
    space: Mapping[str, BaseDistribution] = SPACE,
    curve: Sequence[float] = (),
    begun_s: float = 0.0,
    length_s: float = 10.0,
    worker: int = 0,
    node: str = "",
    constraints: Sequence[float] = (),
    **attrs: Any,
) -> FrozenTrial:
    """A trial that began `begun_s` after START and took `length_s`; `attrs` are attributes as the study stores them."""
    values = [values] if isinstance(values, float) else values
    claim = {"worker": f"w{worker}", "number": worker, "host": node or "here", "beat": "", "place": {"node": node}}
    trial = create_trial(
        state=TrialState[state],
        values=([0.5] if values is None else list(values)) if state == "COMPLETE" else None,
        params=dict(params),
        distributions={name: space[name] for name in params},
        intermediate_values=dict(enumerate(curve, 1)),
        user_attrs={"claim": claim, **attrs},
        system_attrs={"constraints": tuple(constraints)} if constraints else {},
    )
    trial.datetime_start = START + timedelta(seconds=begun_s)
    trial.datetime_complete = trial.datetime_start + timedelta(seconds=length_s) if state != "RUNNING" else None
    return trial


def failure(kind: str, error: str, traceback: str = "") -> dict[str, Any]:
    """The attribute of a failed trial."""
    return {"failure": {"kind": kind, "error": error, "traceback": traceback}}


def kept(
    directory: Path,
    trials: Sequence[FrozenTrial],
    *,
    directions: Sequence[str] = ("minimize",),
    metrics: Sequence[str] = (),
    n_trials: int | None = None,
    storage: str | None = None,
) -> optuna.Study:
    """A study in a directory with these trials, and tickets up to `n_trials`."""
    directory.mkdir(parents=True, exist_ok=True)
    study = create_study(open_storage(storage, directory), directory.name, list(directions))
    study.add_trials(trials)
    if metrics:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(list(metrics))
    if n_trials is not None:
        keep_budget(study, n_trials)
        issue(study, n_trials)
    return study


def viewed(directory: Path, trials: Sequence[FrozenTrial], **settings: Any) -> View:
    """The view of such a study."""
    return read_view(kept(directory, trials, **settings), directory)


def mixed(directory: Path) -> optuna.Study:
    """A study of a metric with complete, pruned, failed and waiting trials; trial 2 is the best, 6 is set aside."""
    (directory / "trials" / "4").mkdir(parents=True)
    (directory / "trials" / "4" / "app.log").write_text("epoch 1\nepoch 2\x1b[2J\n", encoding="utf-8")
    traceback = "Traceback (most recent call last):\n  File x\nTypeError: no\n"
    study = kept(
        directory,
        [
            ended(values=0.5, curve=[0.9, 0.7, 0.5]),
            ended(values=0.25, params={**POINT, "lr": 1e-2}, begun_s=10, length_s=20, worker=1),
            ended(values=0.125, params={**POINT, "optimizer": "sgd"}, begun_s=10, curve=[0.5, 0.2, 0.125]),
            ended("PRUNED", params={**POINT, "lr": 1e-5}, begun_s=20, length_s=2, curve=[2.0]),
            ended(
                "FAIL",
                params={**POINT, "width": 128},
                begun_s=30,
                length_s=1,
                directory=str(directory / "trials" / "4"),
                **failure("bug", "TypeError: no", traceback),
            ),
            ended("FAIL", begun_s=31, length_s=1, **failure("oom", "out of memory at postgresql://me:hunter2@db/x")),
            ended(values=0.01, begun_s=40),
        ],
        metrics=["loss"],
    )
    study.set_user_attr("discarded:6", "discarded by the user")
    keep_budget(study, 9)
    issue(study, 9)
    return study


def two_objectives(directory: Path) -> optuna.Study:
    """Loss down, accuracy up: trials 1 and 2 are the front, 0 and 3 are worse; 4 failed."""
    points = [(0.5, 0.5), (0.1, 0.6), (0.4, 0.9), (0.6, 0.4)]
    trials = [ended(values=point, begun_s=10.0 * place) for place, point in enumerate(points)]
    trials.append(ended("FAIL", begun_s=50, **failure("diverged", "nan")))
    return kept(
        directory, trials, directions=["minimize", "maximize"], metrics=["loss", "accuracy"], n_trials=len(trials)
    )
