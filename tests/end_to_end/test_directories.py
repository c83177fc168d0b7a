# SPDX-License-Identifier: MIT
"""A directory belongs to one trial of one study: no value comes from a checkpoint of another."""

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.end_to_end._studies import APPS, trials_of, yaml_of

APP = APPS / "checkpoints" / "app.py"
STUDY, NOTES = Path("study"), Path("epochs.txt")
OTHER = "x=interval(0.6, 0.7)"
EPOCHS = 3

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def search(run_script: Run) -> Run:
    """`search(*overrides)`: the app with its workers inside the driver."""

    def run(*overrides: str) -> subprocess.CompletedProcess[str]:
        return run_script(APP, "--multirun", *overrides)

    return run


def good(done: subprocess.CompletedProcess[str]) -> None:
    """The command must have succeeded."""
    assert done.returncode == 0, done.stdout + done.stderr


def refused(done: subprocess.CompletedProcess[str], key: str) -> str:
    """The override that a command told to type, which was refused before anything started."""
    text = done.stdout + done.stderr
    assert done.returncode == 1, text
    assert "nothing was started" in text
    assert "Traceback" not in text
    return next(word.strip("'.,") for word in text.split() if word.strip("'").startswith(f"{key}="))


def assert_right(trials: Sequence[FrozenTrial], n_trials: int = 3) -> None:
    """Every trial is complete, with the value of its own parameter after all epochs, in a directory of its own."""
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * n_trials
    found = {trial.number: trial.value for trial in trials}
    assert found == {one.number: pytest.approx(10 * (1 - float(one.params["x"])) ** EPOCHS) for one in trials}
    assert len({trial.user_attrs["directory"] for trial in trials}) == n_trials


def trained() -> list[list[str]]:
    """A line for each trained epoch: trial, epoch, what the trial was told of its directory."""
    return [line.split(" ", 2) for line in NOTES.read_text().splitlines()]


def test_a_second_study_is_refused_with_the_line_to_type(search: Run) -> None:
    """With another name in the first one's directory; where that line leads, its values are its own."""
    good(search())
    word = refused(search(OTHER, "hydra.sweeper.study_name=b"), "hydra.sweep.dir")
    good(search(OTHER, "hydra.sweeper.study_name=b", word))
    assert_right(trials_of(Path("study-2")))
    assert_right(trials_of(STUDY))


def test_a_study_whose_journal_was_removed_is_not_continued(search: Run) -> None:
    """Its checkpoints are still there, and nobody's."""
    good(search())
    (STUDY / "journal.log").unlink()
    word = refused(search(OTHER), "hydra.sweep.dir")
    good(search(OTHER, word))
    assert_right(trials_of(Path("study-2")))


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_a_database_without_a_name_is_another_study(search: Run) -> None:
    """Each command begins one; the message names the first, with which one can go on as well."""
    database = "hydra.sweeper.storage=sqlite:///studies.db"
    good(search(database))
    word = refused(search(database), "hydra.sweeper.study_name")
    good(search(database, word, "hydra.sweeper.n_trials=4"))
    assert Counter(number for number, _, _ in trained()) == {str(number): EPOCHS for number in range(4)}


def test_an_emptied_directory_is_free(search: Run) -> None:
    """`rm -r study/*` leaves our hidden file, and nothing to go on from."""
    good(search())
    for path in STUDY.glob("[!.]*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    good(search(OTHER))
    assert_right(trials_of(STUDY))


@pytest.mark.parametrize("subdir", ["same", "'.'"])
def test_one_directory_for_all_trials_is_refused(search: Run, subdir: str) -> None:
    """With the line that gives each its own."""
    word = refused(search(f"hydra.sweep.subdir={subdir}"), "hydra.sweep.subdir")
    assert not STUDY.exists()
    good(search(word))
    assert_right(trials_of(STUDY))


@pytest.mark.parametrize("subdir", ["${hydra.job.override_dirname}", "${x}_${y}"])
def test_equal_points_have_directories_of_their_own(search: Run, subdir: str) -> None:
    """A suffix keeps them apart, and whatever tells a trial its directory tells the same."""
    points = "hydra.sweeper.enqueue=[{x: 0.25}, {x: 0.25}, {x: 0.25}, {x: 0.5}]"
    good(search(f"hydra.sweep.subdir='{subdir}'", points, "hydra.sweeper.n_trials=4"))
    trials = trials_of(STUDY)
    assert_right(trials, 4)
    told = {(int(number), directory) for number, _, directory in trained()}
    assert told == {(trial.number, trial.user_attrs["directory"]) for trial in trials}
    names = [Path(trial.user_attrs["directory"]).relative_to(STUDY.absolute()) for trial in trials]
    assert [str(name) for name in names[1:3]] == [f"{names[0]}_1", f"{names[0]}_2"]
    hydra = yaml_of(Path(trials[2].user_attrs["directory"], ".hydra", "hydra.yaml"))["hydra"]
    assert (hydra["sweep"]["subdir"], hydra["runtime"]["output_dir"]) == (
        str(names[2]),
        trials[2].user_attrs["directory"],
    )


@pytest.mark.parametrize("subdir", ["${now:%H-%M-%S}/${hydra.job.num}", "${hydra.job.id}"])
def test_a_continued_trial_keeps_its_directory(search: Run, subdir: str) -> None:
    """Another command goes on with it, at another time; each epoch is trained once."""
    word = f"hydra.sweep.subdir='{subdir}'"
    assert search(word, "interrupted=[1,1]").returncode != 0
    first = trials_of(STUDY)[1]
    assert first.state == TrialState.WAITING
    good(search(word, "interrupted=[1,1]"))
    trials = trials_of(STUDY)
    assert_right(trials)
    assert trials[1].user_attrs["directory"] == first.user_attrs["directory"]
    assert [line[1:] for line in trained() if line[0] == "1"] == [
        [str(epoch), first.user_attrs["directory"]] for epoch in range(EPOCHS)
    ]


@pytest.mark.parametrize("way", ["moved", "copied"])
def test_a_study_elsewhere_goes_on_in_its_own_place(search: Run, way: str) -> None:
    """A trial finds its checkpoint there, and a copy leaves the original alone."""
    command = ("hydra.sweep.subdir='${now:%H-%M-%S}/${hydra.job.num}'", "interrupted=[1,1]")
    assert search(*command).returncode != 0
    (shutil.move if way == "moved" else shutil.copytree)(STUDY, "elsewhere")
    before = {path: path.stat().st_mtime_ns for path in STUDY.rglob("*")}
    good(search(*command, "hydra.sweep.dir=elsewhere"))
    trials = trials_of(Path("elsewhere"))
    assert_right(trials)
    assert Counter(number for number, _, _ in trained()) == {str(number): EPOCHS for number in range(3)}
    assert Path("elsewhere").absolute() in Path(trials[1].user_attrs["directory"]).parents
    assert {path: path.stat().st_mtime_ns for path in STUDY.rglob("*")} == before


def test_a_directory_says_whose_it_is(search: Run) -> None:
    """Study, number, attempt; the attempts are in the study too."""
    assert search("interrupted=[1,1]").returncode != 0
    good(search("interrupted=[1,1]"))
    assert all((STUDY / f"trials/{n}/.hyperopt_trial.json").exists() for n in range(3))
    told = [json.loads((STUDY / f"trials/{n}/.hyperopt_trial.json").read_text()) for n in range(3)]
    assert [(one["study_name"], one["number"], one["attempt"]) for one in told] == [
        ("app", 0, 1),
        ("app", 1, 2),
        ("app", 2, 1),
    ]
    assert len({one["study_id"] for one in told}) == 1
    assert trials_of(STUDY)[1].user_attrs["attempts"] == 2
