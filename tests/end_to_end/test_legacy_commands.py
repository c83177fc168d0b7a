# SPDX-License-Identifier: MIT
"""`python optimize.py hyperparameters.yml model_config.yml` and its sisters, as their users type them."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.storage.opening import open_storage
from tests.conftest import REPO
from tests.end_to_end._legacy import write_readme_example

pytest.importorskip("torch")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PAIR = ("hyperparameters.yml", "model_config.yml")
DATABASE = Path("results/holodec_optimization.db")


@pytest.fixture
def optimize(run_script: Run) -> Run:
    """`optimize(*options)`: the command of old, which must succeed."""

    def run(*options: object, **more: Any) -> "subprocess.CompletedProcess[str]":
        done = run_script(REPO / "optimize.py", *PAIR, *options, timeout=150, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


def _trials(url: str = f"sqlite:///{DATABASE}") -> list[FrozenTrial]:
    storage = open_storage(url, Path("results"))
    (name,) = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage).get_trials()


def test_the_readmes_example_runs_as_ever(optimize: Run) -> None:
    """Exactly n_trials, the parameters by their names, and the tables of old; the same command again does nothing."""
    write_readme_example(Path())
    optimize()
    trials = _trials()
    assert [trial.number for trial in trials] == list(range(6))
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert {frozenset(trial.params) for trial in trials} == {frozenset({"lr", "num_dense"})}
    (table,) = Path("results").glob("hyper_opt_*.csv")
    rows = pd.read_csv(table)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert list(rows["trial"]) == [trial.number for trial in complete]
    assert {"lr", "num_dense", "val_loss", "loss", "val_accuracy", "best_val_loss", "pruned"} <= set(rows.columns)
    assert list(rows["val_loss"]) == [trial.value for trial in complete]
    assert Path("results/hyperparameters.yml").read_text() == Path("hyperparameters.yml").read_text()
    assert Path("results/log.txt").stat().st_size > 0
    assert "nothing to do" in optimize().stdout.lower() + optimize().stderr.lower()
    assert len(_trials()) == 6


def test_options_change_what_the_file_says(optimize: Run) -> None:
    """Typed and really applied; the copy in save_path says what was in force."""
    write_readme_example(Path())
    optimize("-t", "3", "-s", "elsewhere", "-n", "other.db", "--workers", "2")
    trials = _trials("sqlite:///elsewhere/other.db")
    assert len(trials) == 3
    assert "n_trials: 3" in Path("elsewhere/hyperparameters.yml").read_text()
    assert [path.name for path in Path("results").iterdir()] == ["log.txt"]  # the log has a path of its own


def test_a_translation_gives_the_same_suggestions(optimize: Run, run_app: Run, run_script: Run) -> None:
    """With a fixed sampler seed and one worker the first ten are equal."""
    write_readme_example(Path(), n_trials=10)
    optimize()
    direct = [trial.params for trial in _trials()]
    DATABASE.rename("direct.db")
    entry = Path("entry.py")
    entry.write_text("from hyperopt_app.cli import main\nmain()\n")
    done = run_script(entry, "legacy", "translate", *PAIR, "--out", "new")
    assert done.returncode == 0, done.stderr
    assert "--config-path" in done.stdout
    done = run_app("--config-path", Path("new").absolute(), "--config-name", "config", "--multirun",
                   "hydra.sweep.dir=translated", timeout=150)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert [trial.params for trial in _trials()] == direct


FAULTY = {
    "raises": "raise ValueError('broken on purpose')",
    "always NaN": "return {'val_loss': float('nan')}",
}


@pytest.mark.parametrize("case", FAULTY)
def test_q18_a_study_of_failures_ends_in_order(case: str, run_script: Run) -> None:
    """The original looped for ever on NaN and lost a worker to an exception; here each kind is recorded, and told."""
    body = f"""\
    from aimlutils.hyper_opt.base_objective import *

    class Objective(BaseObjective):
        def __init__(self, study, config, metric="val_loss", device="cpu"):
            BaseObjective.__init__(self, study, config, metric, device)

        def train(self, trial, conf):
            {FAULTY[case]}
    """
    write_readme_example(Path(), n_trials=30, objective=body)
    done = run_script(REPO / "optimize.py", *PAIR, timeout=150)
    assert done.returncode != 0
    failed = [trial for trial in _trials() if trial.state == TrialState.FAIL]
    assert 0 < len(failed) < 30
    assert not [trial for trial in _trials() if trial.state == TrialState.RUNNING]
    kinds = {trial.user_attrs["failure"]["kind"] for trial in failed}
    assert kinds == {"bug" if case == "raises" else "diverged"}


def test_a_missing_objective_is_refused_before_anything(run_script: Run) -> None:
    """One line with the file and the key, and nothing is left."""
    write_readme_example(Path())
    Path("objective.py").unlink()
    done = run_script(REPO / "optimize.py", *PAIR)
    assert done.returncode == 1
    assert "optuna.objective" in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("results").exists()


def test_a_dry_run_leaves_nothing(optimize: Run) -> None:
    """It shows three configurations, even without the objective's file."""
    write_readme_example(Path(), jobs=4)
    Path("objective.py").unlink()
    done = optimize("--dry_run")
    assert "#SBATCH --account=NAML0001" in done.stdout
    assert "configuration 3 of 3" in done.stdout
    assert not Path("results").exists()


SLOW = """\
    from aimlutils.hyper_opt.base_objective import *
    import time

    class Objective(BaseObjective):
        def __init__(self, study, config, metric="val_loss", device="cpu"):
            BaseObjective.__init__(self, study, config, metric, device)

        def train(self, trial, conf):
            time.sleep(1)
            return {"val_loss": conf["optimizer"]["learning_rate"]}
    """


def _worker_claims() -> list[int]:
    if not DATABASE.exists():
        return []
    try:
        trials = _trials()
    except ValueError:  # the study is just being made
        return []
    return [
        trial.user_attrs["claim"]["pid"]
        for trial in trials
        if trial.state == TrialState.RUNNING and "claim" in trial.user_attrs
    ]


def test_a_killed_worker_costs_no_trial(start_script: Callable[..., "subprocess.Popen[str]"]) -> None:
    """kill -9 of one of two workers: the study ends with exactly n_trials, nothing RUNNING."""
    write_readme_example(Path(), n_trials=8, objective=SLOW)
    program = start_script(REPO / "optimize.py", *PAIR, "--workers", "2")
    deadline = time.monotonic() + 60
    while len(pids := _worker_claims()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(pids[0], signal.SIGKILL)
    output, errors = program.communicate(timeout=120)
    assert program.returncode == 0, output + errors
    trials = _trials()
    assert [trial.number for trial in trials] == list(range(8))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}


def test_an_older_study_goes_on_in_a_copy(optimize: Run, run_script: Run) -> None:
    """Without --yes nobody can be asked and nothing happens; with it the old trials are there, the file as it was."""
    write_readme_example(Path(), n_trials=5, objective=SLOW)
    Path("results").mkdir()
    old = optuna.create_study(study_name="holodec_optimization.db", storage=f"sqlite:///{DATABASE}")
    old.optimize(lambda trial: trial.suggest_float("lr", 1e-7, 1e-2, log=True), n_trials=3)
    params = [trial.params for trial in old.trials]
    old.ask()
    with closing(sqlite3.connect(DATABASE)) as database:  # as Optuna 3.1 left it
        database.execute("DROP INDEX ix_trials_study_id")
        database.execute("UPDATE alembic_version SET version_num = 'v3.0.0.d'")
        database.commit()
    before = DATABASE.read_bytes()
    refused = run_script(REPO / "optimize.py", *PAIR)
    assert refused.returncode == 1
    assert "--yes" in refused.stderr
    optimize("--yes")
    assert DATABASE.read_bytes() == before
    trials = _trials("sqlite:///results/holodec_optimization-continued.db")
    assert [trial.params for trial in trials[:3]] == params
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 3 + ["FAIL"] + ["COMPLETE"] * 2


def test_a_study_is_set_aside_not_deleted(optimize: Run) -> None:
    """--delete_study begins anew, and keeps what was there under another name."""
    write_readme_example(Path(), n_trials=2, objective=SLOW)
    optimize()
    first = _trials()
    optimize("--delete_study", "1", "--yes")
    assert len(_trials()) == 2
    (kept,) = Path("results").glob("holodec_optimization.db.set-aside-*")
    assert [trial.params for trial in _trials(f"sqlite:///{kept}")] == [trial.params for trial in first]


def test_one_worker_by_hand_after_the_other(optimize: Run, run_script: Run) -> None:
    """-c makes the study and starts nothing; `run -n` is a worker whose table has that name."""
    write_readme_example(Path(), n_trials=3, objective=SLOW)
    assert "Start as many workers as you like" in optimize("-c").stdout
    assert {trial.state for trial in _trials()} == {TrialState.WAITING}
    entry = Path("entry.py")
    entry.write_text("from hyperopt_app.cli import main\nmain()\n")
    done = run_script(entry, "legacy", "run", *PAIR, "-n", "job77", "-w", "00:10:00", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {trial.state for trial in _trials()} == {TrialState.COMPLETE}
    assert list(Path("results").glob("hyper_opt_*job77*.csv"))


def test_a_worker_whose_time_is_over_is_no_fault(run_script: Run) -> None:
    """The normal end of every job's script: it is not launched again, and says what is left."""
    write_readme_example(Path(), n_trials=30, objective=SLOW)
    entry = Path("entry.py")
    entry.write_text("from hyperopt_app.cli import main\nmain()\n")
    done = run_script(entry, "legacy", "run", *PAIR, "-w", "00:00:17", timeout=120)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    states = [trial.state for trial in _trials()]
    completed = states.count(TrialState.COMPLETE)
    assert "The time of this worker (00:00:17) is over, or does not suffice for a further trial: " in text
    assert f"trial: {completed} of 30 trials are done, {30 - completed} are left; the same command goes on" in text
    assert text.count("Launching") == 1
    assert TrialState.RUNNING not in states
