# SPDX-License-Identifier: MIT
"""Studies of the original on real database servers: gone on with, set aside, never deleted."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.legacy.old.copies import closing_storage
from tests.conftest import REPO
from tests.contracts import servers

RunScript = Callable[..., "subprocess.CompletedProcess[str]"]
NAME = "of_old"

HYPER = """\
optuna:
  study_name: of_old
  storage: "{url}"
  save_path: results
  objective: objective.py
  metric: val_loss
  direction: minimize
  n_trials: {n_trials}
  parameters:
    "optimizer:lr": {{type: loguniform, settings: {{name: lr, low: 1.0e-7, high: 1.0e-2}}}}
"""
OBJECTIVE = """\
from echo.src.base_objective import BaseObjective


class Objective(BaseObjective):
    def __init__(self, config, metric="val_loss"):
        BaseObjective.__init__(self, config, metric)

    def train(self, trial, conf):
        return {"val_loss": conf["optimizer"]["lr"]}
"""


@pytest.fixture(params=["postgresql", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database on a server."""
    server: servers.Server = request.getfixturevalue(f"{request.param}_server")
    return server.new_database()


def _trials(url: str, name: str = NAME) -> list[FrozenTrial]:
    with closing_storage(url) as storage:
        return optuna.load_study(study_name=name, storage=storage).get_trials()


def _names(url: str) -> list[str]:
    with closing_storage(url) as storage:
        return optuna.get_all_study_names(storage)


def _write(url: str, n_trials: int) -> None:
    Path("hyper.yml").write_text(HYPER.format(url=url, n_trials=n_trials))
    Path("model.yml").write_text("optimizer: {lr: 0.001}\n")
    Path("objective.py").write_text(OBJECTIVE)


def _begun_by_optuna(url: str) -> list[FrozenTrial]:
    """What the original leaves: complete trials, and a failed one."""
    with closing_storage(url) as storage:
        study = optuna.create_study(study_name=NAME, storage=storage)
        study.optimize(lambda trial: trial.suggest_float("lr", 1e-7, 1e-2, log=True), n_trials=3)
        study.tell(study.ask(), state=TrialState.FAIL)
        return study.get_trials()


@pytest.mark.timeout(240)
def test_a_study_on_a_server_goes_on_where_it_is(url: str, run_script: RunScript) -> None:
    """Without a question; its trials are all there, the budget is exact; then it is set aside, whole."""
    old = _begun_by_optuna(url)
    _write(url, n_trials=5)
    for _ in range(2):
        done = run_script(REPO / "optimize.py", "hyper.yml", "model.yml", timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        assert servers.PASSWORD not in done.stdout + done.stderr
        trials = _trials(url)
        assert [trial.state.name for trial in trials] == ["COMPLETE"] * 3 + ["FAIL"] + ["COMPLETE"] * 2
        assert [(trial.params, trial.values) for trial in trials[:4]] == [(one.params, one.values) for one in old[:4]]
    done = run_script(REPO / "optimize.py", "hyper.yml", "model.yml", "-t", "1", "--delete_study", "1", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [trial.state.name for trial in _trials(url)] == ["COMPLETE"]
    (aside,) = set(_names(url)) - {NAME}
    assert aside.startswith(f"{NAME}.set-aside-")
    assert [(one.number, one.state, one.params, one.values) for one in _trials(url, aside)] == [
        (one.number, one.state, one.params, one.values) for one in trials
    ]


def test_a_report_reads_a_study_that_is_not_taken_over(url: str, run_script: RunScript) -> None:
    """It changes nothing."""
    before = _begun_by_optuna(url)
    _write(url, n_trials=5)
    entry = Path("entry.py")
    entry.write_text("from hyperopt_app.cli import main\nmain()\n")
    done = run_script(entry, "legacy", "report", "hyper.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(Path("results", f"{NAME}.csv").read_text().splitlines()) == 1 + len(before)
    assert _trials(url) == before
