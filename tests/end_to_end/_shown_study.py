# SPDX-License-Identifier: MIT
"""A study with trials of all kinds in a directory, and its page in a browser; no test stands here."""

import math
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hyperopt_app.page.page import write_page
from hyperopt_app.storage.opening import open_storage
from tests.contracts.servers import skip_or_fail

SPACE: dict[str, BaseDistribution] = {
    "optimizer.lr": FloatDistribution(1e-5, 1e-1, log=True),
    "model.width": IntDistribution(16, 512, log=True),
    "model.dropout": FloatDistribution(0.0, 0.6),
    "optimizer.name": CategoricalDistribution(["adam", "lamb", "sgd"]),
    "augment": CategoricalDistribution([True, False]),
    "momentum": FloatDistribution(0.5, 0.99),  # of sgd alone
}
STEPS = 20
_START = datetime(2026, 11, 23, 18, 0)  # noqa: DTZ001 - Optuna stamps trials without a time zone


def shown_study(folder: Path, n_trials: int = 60) -> optuna.Study:
    """Make a study whose trials have directories with a log: complete, pruned, failed and interrupted ones."""
    folder.mkdir()
    study = optuna.create_study(study_name="holodec", storage=open_storage(None, folder))
    draw, free = random.Random(5), [_START] * 4
    trials = [_trial(number, n_trials, folder, draw, free) for number in range(n_trials)]
    study.add_trials(trials)
    for number in range(n_trials):
        directory = folder / "trials" / str(number)
        directory.mkdir(parents=True)
        (directory / "app.log").write_text(f"the log of trial {number}\n", encoding="utf-8")
    return study


def _trial(number: int, n_trials: int, folder: Path, draw: random.Random, free: list[datetime]) -> FrozenTrial:
    point = _point(draw, spread=1.5 if number < n_trials / 3 else 0.5)
    loss = 0.02 + 0.08 * (math.log10(point["optimizer.lr"]) + 2.6) ** 2 + 0.1 * point["model.dropout"] ** 2
    loss += 0.01 * draw.random() + 0.02 * (point["optimizer.name"] == "sgd")
    curve = {step: loss + 0.5 * math.exp(-0.2 * step) * (1 + 0.2 * draw.random()) for step in range(STEPS)}
    worker = free.index(min(free))
    begun, length_s = free[worker] + timedelta(seconds=draw.uniform(2, 60)), draw.lognormvariate(6, 0.4)
    name = f"{worker}-node{worker // 2 + 1}-4711-abcdef"
    attributes: dict[str, Any] = {
        "claim": {"number": worker, "host": f"node{worker // 2 + 1}", "worker": name},
        "directory": str(folder / "trials" / str(number)),
        "training_seed": number,
    }
    state = TrialState.COMPLETE
    if loss > 0.07 and draw.random() < 0.5:
        state, length_s = TrialState.PRUNED, length_s / 4
        curve = {step: value for step, value in curve.items() if step < 5}
    elif draw.random() < 0.1:
        state, length_s, curve = TrialState.FAIL, length_s / 3, {}
        error = "torch.OutOfMemoryError: CUDA out of memory"
        attributes["failure"] = {"kind": "oom", "error": error, "traceback": f"Traceback\n{error}"}
    if draw.random() < 0.08:
        cut = begun + timedelta(seconds=length_s / 2)
        attributes["ended_attempts"] = [{"worker": name, "begun": begun.timestamp(), "ended": cut.timestamp()}]
        begun = cut + timedelta(minutes=3)
    trial = create_trial(
        state=state,
        value=curve[STEPS - 1] if state == TrialState.COMPLETE else None,
        params=point,
        distributions={key: SPACE[key] for key in point},
        intermediate_values=curve,
        user_attrs=attributes,
    )
    free[worker] = begun + timedelta(seconds=length_s)
    trial.number, trial.datetime_start, trial.datetime_complete = number, begun, free[worker]
    return trial


def _point(draw: random.Random, spread: float) -> dict[str, Any]:
    name = draw.choice(["adam", "lamb", "sgd"])
    return {
        "optimizer.lr": 10 ** min(-1.0, max(-5.0, draw.gauss(-2.7, spread))),
        "model.width": round(math.exp(draw.uniform(math.log(16), math.log(512)))),
        "model.dropout": draw.uniform(0.0, 0.6),
        "optimizer.name": name,
        "augment": draw.random() < 0.5,
        **({"momentum": draw.uniform(0.5, 0.99)} if name == "sgd" else {}),
    }


def written_page(study: optuna.Study, folder: Path) -> Path:
    """Write the page of a study beside its trials."""
    report = folder / "report"
    report.mkdir()
    write_page(study, folder, report, checks=["width is at the end of its range (512): widen it?"], n_trees=16)
    return report / "report.html"


@contextmanager
def chromium(*, webgl: bool) -> Iterator[Any]:
    """Start Chromium without a window; skip the test, or fail it in CI, where it is missing.

    Args:
        webgl: Whether it has WebGL, which the processor draws here.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium")
    if program is None:
        skip_or_fail("the program chromium is not installed")
    drawing = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"] if webgl else ["--disable-3d-apis"]
    options = ["--no-sandbox", *drawing]  # root has no sandbox
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=options)
        try:
            yield browser
        finally:
            browser.close()
