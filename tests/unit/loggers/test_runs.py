# SPDX-License-Identifier: MIT
"""Each logger's runs as the tool's own reader finds them: begun, continued, ended in each way."""

from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.loggers.registry import open_run
from hyperopt_app.loggers.run import RunEnd, RunFacts
from tests.unit.loggers._readers import READERS, Seen, needs

PARAMS = {"lr": 0.25, "optimizer.name": "adam", "layers": 3, "nesterov": True}
STATUS = {
    "csv": ("", "", ""),
    "mlflow": ("FINISHED", "KILLED", "FAILED"),
    "tensorboard": ("STATUS_SUCCESS", "STATUS_SUCCESS", "STATUS_FAILURE"),
    "wandb": ("0", "0", "1"),
}
STATES = ("complete", "pruned", "failed")
every = pytest.mark.parametrize("logger", READERS)

pytestmark = pytest.mark.filterwarnings("default")  # those of the tools are no fault of ours


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's says where runs go."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_ALLOW_FILE_STORE", "WANDB_MODE", "WANDB_PROJECT", "WANDB_ENTITY"):
        monkeypatch.delenv(name, raising=False)


def _facts(number: int = 3, **changes: Any) -> RunFacts:
    study = Path("study").absolute()
    plain: dict[str, Any] = {
        "study": "digits",
        "study_id": "0a1b",
        "study_dir": study,
        "number": number,
        "directory": study / "trials" / str(number),
        "params": PARAMS,
        "curve": "loss",
        "seed": 7,
    }
    return RunFacts(**{**plain, **changes})


def _runs(logger: str) -> list[Seen]:
    return READERS[logger](Path("study").absolute(), "loss")


@every
def test_a_run_goes_on_under_its_id(logger: str) -> None:
    """With the points of both attempts, each of them once, and what the trial came to."""
    needs(logger)
    first = open_run(logger, {}, _facts(), None)
    for step in (1, 2):
        first.report(1.0 / step, step)
    first.pause()
    again = open_run(logger, {}, _facts(), first.run_id)
    assert again.run_id == first.run_id
    for step in (1, 2, 3):
        if not again.has(step):
            again.report(1.0 / step, step)
    again.end(RunEnd("complete", {"loss": 0.125, "accuracy": 0.5}))
    (run,) = _runs(logger)
    assert (run.name, run.group, run.state) == ("digits-3", "digits", "complete")
    assert run.curve == {1: 1.0, 2: 0.5, 3: pytest.approx(1 / 3)}
    assert run.final == {"loss": 0.125, "accuracy": 0.5}
    assert {name: str(value) for name, value in run.params.items() if name == "optimizer.name"} == {
        "optimizer.name": "adam"
    }
    assert (run.params["lr"], run.params["layers"], str(run.params["nesterov"])) == (0.25, 3, "True")


@every
def test_a_run_ends_as_its_trial(logger: str) -> None:
    """Complete, pruned or failed, in our word and in the tool's own status."""
    needs(logger)
    for number, state in enumerate(STATES):
        run = open_run(logger, {}, _facts(number), None)
        run.report(float(number), 0)
        run.end(RunEnd(state, {}, "ValueError: no" if state == "failed" else ""))
    seen = sorted(_runs(logger), key=lambda run: run.name)
    assert [(run.name, run.state) for run in seen] == [(f"digits-{n}", state) for n, state in enumerate(STATES)]
    assert tuple(run.status for run in seen) == STATUS[logger]


@every
def test_a_trial_without_parameters_and_reports_has_a_run(logger: str) -> None:
    """With whatever name its study has."""
    needs(logger)
    run = open_run(logger, {}, _facts(params={}, study="a/b c: 50 %"), None)
    run.end(RunEnd("complete", {"value": 2.0}))
    (seen,) = _runs(logger)
    assert (seen.curve, seen.final, seen.state) == ({}, {"value": 2.0}, "complete")


@pytest.mark.parametrize("logger", ["csv", "tensorboard"])
def test_two_studies_of_one_name_share_no_folder(logger: str) -> None:
    """Where both write into one directory."""
    needs(logger)
    runs = [open_run(logger, {"directory": "all"}, _facts(study_id=name), None) for name in ("0a", "1b")]
    assert [run.run_id for run in runs] == ["digits/3", "digits/3_1"]


def test_half_a_line_of_a_killed_worker_is_removed() -> None:
    """And the points before it stay."""
    first = open_run("csv", {}, _facts(), None)
    first.report(0.5, 1)
    path = Path("study/csv") / first.run_id / "curve.csv"
    with path.open("a") as file:
        file.write("2,17")
    again = open_run("csv", {}, _facts(), first.run_id)
    assert (again.has(1), again.has(2)) == (True, False)
    again.report(0.25, 2)
    again.pause()
    (run,) = _runs("csv")
    assert (run.curve, run.state) == ({1: 0.5, 2: 0.25}, "waiting")


def test_half_a_record_of_a_killed_worker_hides_nothing() -> None:
    """What was written before it, and by the next attempt, is read."""
    needs("tensorboard")
    first = open_run("tensorboard", {}, _facts(), None)
    first.report(0.5, 1)
    (path,) = (Path("study/tensorboard") / first.run_id).iterdir()
    with path.open("ab") as file:
        file.write(b"\x18\x00\x00")
    again = open_run("tensorboard", {}, _facts(), first.run_id)
    assert again.has(1)
    again.report(0.25, 2)
    (run,) = _runs("tensorboard")
    assert run.curve == {1: 0.5, 2: 0.25}


def test_the_environment_says_where_mlflow_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLFLOW_TRACKING_URI counts where the config names nothing, and a removed run is begun anew."""
    needs("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (Path("study") / "mlflow").absolute().as_uri())
    run = open_run("mlflow", {"experiment": "mine"}, _facts(study_dir=Path("other").absolute()), "0" * 32)
    assert run.run_id != "0" * 32
    run.pause()
    (seen,) = _runs("mlflow")
    assert (seen.group, seen.status) == ("mine", "SCHEDULED")


def test_wandb_mode_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    """With WANDB_MODE=disabled nothing is written."""
    needs("wandb")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    run = open_run("wandb", {}, _facts(), None)
    run.report(1.0, 0)
    run.end(RunEnd("complete", {"loss": 1.0}))
    assert _runs("wandb") == []
