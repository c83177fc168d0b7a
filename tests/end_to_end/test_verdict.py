# SPDX-License-Identifier: MIT
"""Trials that only the user's first typo has failed count no longer: corrected, the same command ends complete."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import optuna
import pytest
import yaml
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app import cli
from tests.conftest import REPO
from tests.end_to_end._studies import wait_for

pytestmark = pytest.mark.timeout(150)

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

CONFIG = """\
    defaults:
      - _self_
      - override hydra/sweeper: async_optuna
      - override hydra/launcher: local_workers
    objective: {_target_: mine.Mine}
    x: 0
    width: 2
    hydra:
      sweep: {dir: study, subdir: "trials/${hydra.job.num}"}
      sweeper: {n_trials: 6, n_jobs: 4, seed: 1, params: {x: "interval(-5, 5)"}, enqueue: [{x: 2.5}]}
    """
OBJECTIVE = """\
    import time
    from pathlib import Path

    from hyperopt_app import Objective

    class Mine(Objective):
        def train(self, trial, conf):
            while trial is not None and trial.number in (2, 3) and Path("held").exists():
                time.sleep(0.05)
            layers = {2: "two", 3: "three"}
            return (conf.x - 1) ** 2 + len(layers[conf.width])
    """
HYPER = """\
    save_path: results
    optuna:
      study_name: small
      storage: small.db
      storage_type: sqlite
      objective: objective.py
      metric: val_loss
      direction: minimize
      n_trials: 3
      gpu: false
      sampler: {type: RandomSampler}
      parameters:
        rate: {type: float, settings: {name: rate, low: 0.0, high: 1.0}}
    """
OLD_OBJECTIVE = """\
    from echo.src.base_objective import BaseObjective

    class Objective(BaseObjective):
        def __init__(self, config, metric="val_loss", device="cpu"):
            BaseObjective.__init__(self, config, metric, device)

        def train(self, trial, conf):
            return {"val_loss": conf["rate"] * conf["size"]}
    """
TYPO = ("layers[conf.width]", "layres[conf.width]")
NAME_ERROR = "NameError: name 'layres' is not defined"
SMALL = ("hydra/launcher=basic", "hydra.sweeper.n_jobs=1")
SEARCH = ("--config-path", ".", "--config-name", "config", "--multirun")


@pytest.fixture
def objective() -> Path:
    """An app of one's own in the working directory; the objective's file."""
    Path("config.yaml").write_text(dedent(CONFIG), encoding="utf-8")
    path = Path("mine.py")
    path.write_text(dedent(OBJECTIVE), encoding="utf-8")
    return path


@pytest.fixture
def search(run_app: Run, objective: Path) -> Callable[..., tuple[int, str]]:
    """`search(*overrides)`: the command; its exit code and all that it says."""

    def run(*overrides: str) -> tuple[int, str]:
        done = run_app("--config-path", Path.cwd(), *SEARCH[2:], *overrides)
        return done.returncode, done.stdout + done.stderr

    return run


def _replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _study(storage: BaseStorage | str | None = None) -> optuna.Study | None:
    """The only study, as plain Optuna reads it; None before there is one."""
    if storage is None:
        if not Path("study/journal.log").exists():
            return None
        storage = JournalStorage(JournalFileBackend("study/journal.log"))
    names = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=names[0], storage=storage) if names else None


def _trials(storage: str | None = None) -> list[FrozenTrial]:
    study = _study(storage)
    return [] if study is None else study.get_trials()


def _in(state: TrialState, storage: str | None = None) -> list[FrozenTrial]:
    return [trial for trial in _trials(storage) if trial.state == state]


def _told_stop() -> object:
    study = _study()
    return study is not None and study.user_attrs.get("stop")


def test_a_typo_in_the_objective_costs_no_trial(
    objective: Path, start_app: Start, search: Callable[..., tuple[int, str]]
) -> None:
    """Four workers: the three that failed first, one that fails later and one whose worker is killed in between.

    With the typo corrected the same command ends with every trial of the budget complete, the warm start among them.
    """
    _replaced(objective, *TYPO)
    held = Path("held")
    held.touch()
    program = start_app("--config-path", Path.cwd(), *SEARCH[2:])
    wait_for("the stop", _told_stop)
    wait_for("none but the two that are held", lambda: [one.number for one in _in(TrialState.RUNNING)] == [2, 3])
    os.kill(_trials()[3].user_attrs["claim"]["pid"], signal.SIGKILL)
    held.unlink()
    output, errors = program.communicate(timeout=50)
    assert program.returncode == 2
    failed = [trial.number for trial in _in(TrialState.FAIL)]
    assert 2 in failed
    assert f"the first 3 trials of this run failed in the same way: {NAME_ERROR}" in output + errors
    assert "the same command goes on (6 of 6 trials are left)" in output + errors

    _replaced(objective, *reversed(TYPO))
    code, said = search()
    assert code == 0, said
    complete = _in(TrialState.COMPLETE)
    assert len(complete) == 6
    assert [trial.params["x"] for trial in complete].count(2.5) == 1
    assert [trial.number for trial in _in(TrialState.FAIL)] == failed
    assert len(_trials()) == 6 + len(failed)


def test_a_typo_in_an_override_is_corrected_by_the_override(search: Callable[..., tuple[int, str]]) -> None:
    """In a database: a study that its first three trials have used up is the corrected command's, and ends complete."""
    url = f"sqlite:///{Path.cwd() / 'studies.db'}"
    words = (f"hydra.sweeper.storage={url}", "hydra.sweeper.study_name=mine", *SMALL, "hydra.sweeper.n_trials=3")
    code, said = search(*words, "width=4")
    assert code == 2, said
    assert len(_in(TrialState.FAIL, url)) == 3
    code, after = search(*words, "width=3", "x=interval(-4, 4)")
    assert code == 0, after
    assert len(_in(TrialState.COMPLETE, url)) == 3
    assert "the first 3 trials of this run failed in the same way: KeyError: 4" in said
    assert "They no longer count: fix it, then the same command goes on (3 of 3 trials are left)." in said
    assert "width=4 was given when the study began, now it is width=3" in after
    # Once a trial counts, the search is that trial's.
    code, refused = search(*words, "width=2", "x=interval(-4, 4)", "hydra.sweeper.n_trials=4")
    assert code == 1
    assert "width=3 was given when the study began, now it is width=2" in refused


@pytest.mark.parametrize("n_trials", [1, 2])
def test_the_smallest_study_is_not_dead(n_trials: int, objective: Path, search: Callable[..., tuple[int, str]]) -> None:
    """All that ran failed by a bug: a budget of one trial, or of two, goes on once it is mended."""
    words = [*SMALL, f"hydra.sweeper.n_trials={n_trials}"]
    _replaced(objective, *TYPO)
    code, said = search(*words)
    assert code == 2, said
    _replaced(objective, *reversed(TYPO))
    code, after = search(*words)
    assert code == 0, after
    assert len(_in(TrialState.COMPLETE)) == len(_in(TrialState.FAIL)) == n_trials
    told = {1: "the only trial of this run failed", 2: "both trials of this run failed in the same way"}
    assert f"{told[n_trials]}: {NAME_ERROR}" in said
    assert f"({n_trials} of {n_trials} {'trial is' if n_trials == 1 else 'trials are'} left)" in said
    assert "Trial 0 (None)" not in said


def test_added_points_outlive_a_typo(objective: Path, search: Callable[..., tuple[int, str]]) -> None:
    """What `add --grow` has added to a study that had completed is tried once the typo is corrected."""
    words = [*SMALL, "hydra.sweeper.n_trials=2"]
    code, said = search(*words)
    assert code == 0, said
    for x in (1.5, 1.25, 1.0):
        cli.main(["add", "study", f"x={x}", "--grow"])
    _replaced(objective, *TYPO)
    code, said = search(*words)
    assert code == 2, said
    assert "They no longer count: fix it, then the same command goes on (3 of 5 trials are left)." in said
    _replaced(objective, *reversed(TYPO))
    code, after = search(*words)
    assert code == 0, after
    assert [trial.params["x"] for trial in _in(TrialState.COMPLETE)][2:] == [1.5, 1.25, 1.0]
    assert yaml.safe_load(Path("study/best.yaml").read_text())["params"] == {"x": 1.0}


def test_the_original_interface_says_and_does_the_same(run_script: Run) -> None:
    """`optimize.py` of the two files: an objective.py with a typo, corrected, and the same command is complete."""
    Path("hyper.yml").write_text(dedent(HYPER))
    Path("model.yml").write_text("rate: 0.5\nsize: 2\n")
    path = Path("objective.py")
    path.write_text(dedent(OLD_OBJECTIVE))
    _replaced(path, 'conf["size"]', 'conf["sise"]')
    wrong = run_script(REPO / "optimize.py", "hyper.yml", "model.yml")
    assert wrong.returncode == 2
    _replaced(path, 'conf["sise"]', 'conf["size"]')
    mended = run_script(REPO / "optimize.py", "hyper.yml", "model.yml")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    (database,) = Path("results").rglob("small.db")
    assert len(_in(TrialState.COMPLETE, f"sqlite:///{database}")) == 3
    assert "the first 3 trials of this run failed in the same way: KeyError: 'sise'" in wrong.stderr
    assert "the same command goes on (3 of 3 trials are left)" in wrong.stderr
    (table,) = Path("results").rglob("trial_results.csv")
    assert len(table.read_text().splitlines()) == 1 + 3
