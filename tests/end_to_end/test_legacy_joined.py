# SPDX-License-Identifier: MIT
"""A study of a pair and plain Optuna code take turns in one file: both store and read the same values."""

import csv
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from optuna.trial import FrozenTrial, TrialState

from tests.conftest import REPO

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.filterwarnings("ignore:Choices for a categorical distribution should be a tuple of None"),
]

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PAIR = ("hyper.yml", "model.yml")
URLS = {"sqlite": "sqlite:///results/rain.db", "nfs": "journal"}

# What public files have among their choices, and what is easily taken for something else.
CHOICES: dict[str, list[Any]] = {
    "qc": ["10.0", "20.0", 10.0],
    "reg": [None, "null", "None", "l2"],
    "loss": [["mse"], ["mse", "mae"], []],
    "flag": ["true", True, False],
    "text": ["a b", "${x}", "it's", "1e-3", ""],
    "deep": [{"k": ["v w", 1]}, {"k": None}],
    "own": [["a"], "a", None],  # only the objective suggests it
}
OBJECTIVE = """\
from echo.src.base_objective import BaseObjective


class Objective(BaseObjective):
    def __init__(self, config, metric="val_loss"):
        BaseObjective.__init__(self, config, metric)

    def train(self, trial, conf):
        own = trial.suggest_categorical("own", conf["optuna"]["parameters"]["own"]["settings"]["choices"])
        seen = {**conf["m"], "own": own, "lr": conf["lr"]}
        assert {**trial.params} == seen, (trial.params, seen)
        trial.set_user_attr("seen", repr(sorted(seen.items())))
        return {"val_loss": conf["lr"]}
"""


def _write(n_trials: int = 4, storage_type: str = "sqlite", **more: Any) -> None:
    parameters: dict[str, Any] = {
        ("own" if name == "own" else f"m:{name}"): {
            "type": "categorical",
            "settings": {"name": name, "choices": choices},
        }
        for name, choices in CHOICES.items()
    }
    parameters["lr"] = {"type": "loguniform", "settings": {"name": "lr", "low": 1e-5, "high": 0.1}}
    section = {
        "study_name": "rain",
        "storage": "rain.db",
        "storage_type": storage_type,
        "objective": "objective.py",
        "metric": "val_loss",
        "direction": "minimize",
        "n_trials": n_trials,
        "gpu": False,
        "parameters": parameters,
        **more,
    }
    Path("hyper.yml").write_text(yaml.safe_dump({"save_path": "results", "optuna": section}, sort_keys=False))
    model = {"lr": 0.1, "m": {name: 0 for name in CHOICES if name != "own"}}
    Path("model.yml").write_text(yaml.safe_dump(model))
    Path("objective.py").write_text(OBJECTIVE)


@contextmanager
def _plain(storage_type: str) -> Iterator[optuna.Study]:
    """The study as plain Optuna opens it, which knows nothing of this project."""
    Path("results").mkdir(exist_ok=True)
    storage: Any
    if storage_type == "nfs":
        from optuna.storages.journal import JournalFileBackend

        storage = optuna.storages.JournalStorage(JournalFileBackend("results/rain.db"))
    else:
        storage = optuna.storages.RDBStorage("sqlite:///results/rain.db")
    yield optuna.create_study(study_name="rain", storage=storage, load_if_exists=True)
    if storage_type == "sqlite":
        storage.remove_session()
        storage.engine.dispose()


def _of_the_original(trial: optuna.Trial) -> float:
    """What a worker of the original asks its trial for."""
    seen: dict[str, Any] = {
        name: trial.suggest_categorical(name, choices) for name, choices in CHOICES.items() if name != "own"
    }
    seen["lr"] = trial.suggest_float("lr", 1e-5, 0.1, log=True)
    seen["own"] = trial.suggest_categorical("own", CHOICES["own"])
    trial.set_user_attr("seen", repr(sorted(seen.items())))
    return float(seen["lr"])


def _optimize(run_script: Run, *options: str) -> str:
    done = run_script(REPO / "optimize.py", *PAIR, *options, timeout=150)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    assert "Choices for a categorical" not in text
    return text


def _check(trials: list[FrozenTrial], count: int) -> None:
    assert [trial.number for trial in trials] == list(range(count))
    for trial in trials:
        assert trial.state == TrialState.COMPLETE
        kept = {name: list(getattr(one, "choices", ())) for name, one in trial.distributions.items()}
        assert {name: repr(kept[name]) for name in CHOICES} == {name: repr(one) for name, one in CHOICES.items()}
        assert trial.user_attrs["seen"] == repr(sorted(trial.params.items()))


@pytest.mark.parametrize("storage_type", ["sqlite", "nfs"])
def test_g1_begun_by_us_and_continued_by_plain_optuna(storage_type: str, run_script: Run) -> None:
    """The study holds what the original would store; plain code goes on in it, and so do we, all in one file."""
    _write(4, storage_type)
    _optimize(run_script)
    with _plain(storage_type) as study:
        _check(study.trials, 4)
        study.optimize(_of_the_original, n_trials=3)
        _check(study.trials, 7)
    _optimize(run_script, "-t", "10")
    with _plain(storage_type) as study:
        _check(study.trials, 10)
        trials = study.trials
    with Path("results/studies/rain/trials.csv").open(newline="") as file:
        cells = [row["params.qc"] for row in csv.DictReader(file)]
    assert cells == [str(one) if isinstance(one := trial.params["qc"], float) else f"'{one}'" for trial in trials]
    assert not [*Path("results").glob("*-continued*")]


@pytest.mark.parametrize("storage_type", ["sqlite", "nfs"])
def test_g1_g5_begun_by_plain_optuna_and_continued_by_us(storage_type: str, run_script: Run) -> None:
    """Without a copy and without a question, since nothing has to be converted; then plain code goes on again."""
    _write(6, storage_type)
    with _plain(storage_type) as study:
        study.optimize(_of_the_original, n_trials=3)
    assert "The study goes on in " in _optimize(run_script)
    with _plain(storage_type) as study:
        _check(study.trials, 6)
        study.optimize(_of_the_original, n_trials=2)
        _check(study.trials, 8)
    assert not [*Path("results").glob("*-continued*")]


def test_g1_a_worker_of_the_original_takes_some_of_the_tickets(run_script: Run) -> None:
    """What waits in a study of ours is a trial like any other to plain Optuna: the budget stays exact."""
    _write(5, enqueue=[{"reg": None, "loss": ["mse"], "qc": "20.0"}, {"reg": "null", "own": ["a"]}])
    _optimize(run_script, "-c")
    with _plain("sqlite") as study:
        points = [trial.system_attrs.get("fixed_params") for trial in study.trials]
        assert points[:2] == [{"reg": None, "loss": ["mse"], "qc": "20.0"}, {"reg": "null", "own": ["a"]}]
        study.optimize(_of_the_original, n_trials=3)
        first = study.trials[0].params
        assert (first["reg"], first["loss"], first["qc"]) == (None, ["mse"], "20.0")
        assert (study.trials[1].params["reg"], study.trials[1].params["own"]) == ("null", ["a"])
        assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3 + ["WAITING"] * 2
    _optimize(run_script)
    with _plain("sqlite") as study:
        _check(study.trials, 5)


def test_a_study_whose_choices_are_text_goes_on(run_script: Run) -> None:
    """An earlier release kept override texts: the study decides, by the new form and by the original command."""
    _write(2)
    entry = Path("entry.py")
    entry.write_text("from hyperopt_app.cli import main\nmain()\n")
    assert run_script(entry, "legacy", "translate", *PAIR, "--out", "new").returncode == 0
    config = Path("new/config.yaml")
    lines = [line for line in config.read_text().splitlines() if "plain_choices" not in line]
    config.write_text("\n".join(lines))
    words = ("--config-path", str(Path("new").absolute()), "--config-name", "config", "--multirun")
    done = run_script(entry, *words, timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr
    with _plain("sqlite") as study:
        held = study.trials[0].distributions["reg"]
        assert list(getattr(held, "choices", ())) == ["null", "'null'", "None", "l2"]
    _optimize(run_script, "-t", "4")
    with _plain("sqlite") as study:
        assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 4
        assert {repr(trial.distributions["reg"]) for trial in study.trials} == {repr(held)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = Path("results/trial_results.csv").read_text()
    assert len(table.splitlines()) == 5
