# SPDX-License-Identifier: MIT
"""A search whose keys belong to options of config groups, three levels deep, in somebody's own Hydra app."""

import csv
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import optuna
import pytest
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

APP = Path(__file__).resolve().parents[1] / "apps" / "branches" / "app.py"
CLI = "from hyperopt_app.cli import main; main()"

Run = Callable[..., subprocess.CompletedProcess[str]]


def _keys(params: Mapping[str, object]) -> set[str]:
    """The parameters that a trial with these choices has."""
    keys = {"optimizer", "optimizer.rate"}
    if params["optimizer"] == "sgd":
        keys |= {"optimizer.momentum", "schedule"}
    if params.get("schedule") == "cosine":
        keys |= {"warmup"}
    return keys


def _commands(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CLI, *words], capture_output=True, text=True, check=False, timeout=60)


def test_no_trial_file_or_command_has_a_key_that_is_not_searched_there(run_script: Run) -> None:
    """Neither the study nor overrides.yaml, trials.csv, best.yaml and the command that trains again; add refuses it."""
    done = run_script(APP, "--multirun")
    assert done.returncode == 0, done.stdout + done.stderr
    storage = JournalStorage(JournalFileBackend("study/journal.log"))
    trials = optuna.load_study(study_name=None, storage=storage).get_trials()
    assert len(trials) == 12
    assert {frozenset(trial.params) for trial in trials} == {frozenset(_keys(trial.params)) for trial in trials}
    assert len({frozenset(trial.params) for trial in trials}) == 3
    names = {"schedule.warmup": "warmup"}
    with Path("study/trials.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for trial, row in zip(trials, rows, strict=True):
        assert trial.state.name == "COMPLETE", row["error"]
        words = yaml.safe_load(Path(f"study/trials/{trial.number}/.hydra/overrides.yaml").read_text())
        keys = [word.partition("=")[0] for word in words]
        assert {names.get(key, key) for key in keys} == _keys(trial.params)
        assert {name for name in row if name.startswith("params.") and row[name]} == {
            f"params.{name}" for name in trial.params
        }
    best = yaml.safe_load(Path("study/best.yaml").read_text())
    assert set(best["params"]) == _keys(best["params"])
    words = set(re.findall(r" ([\w.]+)=", str(best["retrain"])))
    assert {names.get(word, word) for word in words} == _keys(best["params"])
    _refuses_what_is_not_searched()


def _refuses_what_is_not_searched() -> None:
    added = _commands("add", "study", "optimizer=adam", "optimizer.momentum=0.5", "--grow")
    assert added.returncode == 1
    assert "'optimizer.momentum' is searched with optimizer=sgd alone; the point has optimizer=adam" in added.stderr
    added = _commands("add", "study", "optimizer=sgd", "schedule=cosine", "schedule.warmup=3", "--grow")
    assert added.returncode == 0, added.stderr


FAULTS = {
    "a choice that is not there": ("optimizer=sdg", "hydra.sweeper.when.optimizer=sdg: optimizer is never sdg"),
    "a key that is not there": ("optimzer=sgd", "hydra.sweeper.when.optimzer=sgd: 'optimzer' is not searched"),
    "a key of floats": ("optimizer.rate=0.5", "optimizer.rate is searched over floats"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_wrong_condition_is_refused_with_its_key(case: str, run_script: Run) -> None:
    """Before anything is written, with the other faults of the command."""
    condition, line = FAULTS[case]
    escaped = condition.replace("=", "\\=")
    branch = f"+hydra.sweeper.when={{{escaped}: {{schedule.name: 'a,b'}}}}"
    done = run_script(APP, "--multirun", branch, "+hydra.sweeper.params.nope='choice(1'")
    assert done.returncode == 1
    assert line in done.stdout + done.stderr
    assert "hydra.sweeper.params.nope" in done.stdout + done.stderr
    assert not Path("study").exists()
