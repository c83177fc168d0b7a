# SPDX-License-Identifier: MIT
"""A study that an older release has begun goes on by the same command."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import yaml
from optuna.trial import TrialState

from hyperopt_app import cli
from hyperopt_app.storage.opening import open_storage
from tests.conftest import REPO
from tests.end_to_end._studies import APPS, assert_exact, trials_of

OLD = REPO / "tests" / "old_studies"
APP = APPS / "epochs" / "app.py"
STUDY = Path("study")
# What 4a3b948 itself went on with: the seed is the study's.
NEXT = {6: -2.0728784113330887, 8: 0.04679959580499915, 9: 2.9956217617666105}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=sorted(path.name for path in OLD.iterdir() if path.is_dir()))
def old(request: pytest.FixtureRequest) -> Path:
    """A copy of what an older release has left, as if it had been made here."""
    source = OLD / str(request.param)
    shutil.copytree(source, STUDY, ignore=shutil.ignore_patterns("README.md", "search.yaml"))
    journal = (source / "journal.log").read_text().replace("/srv/search", str(Path.cwd()))
    (STUDY / "journal.log").write_text(journal)
    return source


def test_it_goes_on_by_the_same_command(old: Path, run_script: Run) -> None:
    """What had ended stays as it is; what was interrupted continues from its checkpoint; the budget is exact."""
    before = {trial.number: trial for trial in trials_of(STUDY) if trial.state.is_finished()}
    assert sorted(before) == [0, 1, 2, 3, 4, 5, 7]
    done = run_script(str(APP), f"--config-path={old}", "--config-name=search", "--multirun", "epoch_s=0.01")
    assert done.returncode != 0
    assert "epoch_s=0.01 is given now, and was not when the study began" in done.stderr
    done = run_script(str(APP), f"--config-path={old}", "--config-name=search", "--multirun")
    assert done.returncode == 0, done.stderr
    trials = assert_exact(STUDY, 10)
    for number, trial in before.items():
        assert trials[number] == trial
    assert {number: trials[number].params["x"] for number in NEXT} == NEXT
    for number in (6, 8):
        words = [line.split()[1:] for line in (STUDY / f"trials/{number}/runs.txt").read_text().splitlines()]
        begins = [int(epoch) for word, epoch in words if word == "begins"]
        assert len(begins) == 2
        assert begins[1] > 0, "it began anew instead of from its checkpoint"
        assert trials[number].intermediate_values.keys() == set(range(5))
    assert trials[9].state == TrialState.PRUNED


def test_it_can_be_looked_at(old: Path, run_script: Run) -> None:
    """`status` knows it, and changes nothing."""
    journal = (STUDY / "journal.log").read_bytes()
    shown = run_script("-c", "import sys; from hyperopt_app.cli import main; sys.exit(main())", "status", str(STUDY))
    assert shown.returncode == 0, shown.stderr
    assert "7/10" in shown.stdout, shown.stdout
    assert (STUDY / "journal.log").read_bytes() == journal


def test_its_trials_can_be_discarded_and_tried_again(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before any newer search has seen it; what only such a search knows is said to be missing."""
    study = optuna.load_study(study_name=None, storage=open_storage(None, STUDY))
    best = study.best_trial.number
    cli.main(["discard", "study", str(best)])
    told = yaml.safe_load((STUDY / "best.yaml").read_text(encoding="utf-8"))
    assert told["trial"] != best
    assert told["retrain"] == "the next command of the search writes it"
    cli.main(["retry", "study", str(told["trial"])])
    cli.main(["add", "study", "x=0.5", "--grow"])
    said = capsys.readouterr().out
    assert f"Trial {told['trial']} is retried as trial 10" in said
    assert "The point is tried next, as trial 11. The budget is 11 trials now." in said
    assert "6 of 11 trials left" in said
