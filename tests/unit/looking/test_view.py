# SPDX-License-Identifier: MIT
"""What a view says of a study: counts, states, the best, and that reading writes nothing."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.looking.opening import study_directories, study_in
from hyperopt_app.looking.summary import summary_of
from hyperopt_app.looking.view import read_view
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.heartbeat import this_worker
from hyperopt_app.study.opening import create_study
from hyperopt_app.study.stopping import Stop, write_stop
from tests.unit._made_studies import ended, kept, mixed, two_objectives, viewed
from tests.unit._made_trials import made, study_of


def test_a_view_counts_what_counts(tmp_path: Path) -> None:
    """A trial that is set aside is in no count and is never the best, though it is among the trials."""
    view = read_view(mixed(tmp_path / "s"), tmp_path / "s")
    assert dict(view.counts) == {"complete": 3, "pruned": 1, "failed": 2, "waiting": 3}
    assert (view.n_trials, view.ended, view.left) == (9, 6, 3)
    assert (len(view.trials), len(view.counting), list(view.aside)) == (10, 9, [6])
    assert [trial.number for trial in view.best] == [2]
    assert [trial.number for trial in view.ranked()] == [2, 1, 0]
    assert [trial.number for trial in view.ranked(2)] == [2, 1]
    assert view.metrics == ("loss",)
    assert set(view.space) == {"lr", "width", "optimizer"}


def test_parked_trials_have_begun_and_are_left(tmp_path: Path) -> None:
    """They are counted by a word of their own, in the view and in the summary."""
    study, promotion = study_of(), {"rung": 1, "step": 3, "is_parked": True}
    study.add_trials([made(TrialState.WAITING, curve={3: 0.5}, promotion=promotion), made(TrialState.WAITING), made()])
    view = read_view(study, tmp_path)
    assert dict(view.counts) == {"complete": 1, "waiting": 1, "parked": 1}
    assert (view.ended, view.left, [trial.number for trial in view.begun]) == (1, 2, [0, 2])
    assert "  1 complete, 1 parked, 2 left" in summary_of(view)


def test_the_best_equals_that_of_the_storage(tmp_path: Path) -> None:
    """With one objective and with two."""
    single = viewed(tmp_path / "a", [ended(values=value) for value in (3.0, 1.0, 1.0, 2.0)], directions=["maximize"])
    assert [trial.number for trial in single.best] == [single.study.best_trial.number]
    assert [trial.number for trial in single.ranked()] == [0, 3, 1, 2]
    several = read_view(two_objectives(tmp_path / "b"), tmp_path / "b")
    assert [trial.number for trial in several.best] == [trial.number for trial in several.study.best_trials] == [1, 2]
    assert [trial.number for trial in several.ranked()] == [1, 2, 0, 3]
    assert [trial.number for trial in several.ranked(1)] == [1]


def test_a_trial_that_violates_a_constraint_has_no_rank(tmp_path: Path) -> None:
    """It is complete, and never the best."""
    view = viewed(tmp_path / "s", [ended(values=1.0), ended(values=0.0, constraints=(1.0,))])
    assert view.counts["complete"] == 2
    assert [trial.number for trial in view.ranked()] == [trial.number for trial in view.best] == [0]


def _works(study_dir: Path) -> None:
    claim = this_worker(0, study_dir).as_claim()
    (study_dir / "workers").mkdir(exist_ok=True)
    (study_dir / "workers" / f"{claim['worker']}.json").write_text(json.dumps({**claim, "count": 1}))


def _does_nothing(_study_dir: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("n_trials", "worker", "stop", "running", "state"),
    [
        (3, _does_nothing, False, False, "waiting"),
        (3, _works, False, True, "running"),
        (3, _works, True, True, "stopping"),
        (3, _does_nothing, True, False, "stopped"),
        (1, _does_nothing, True, False, "done"),
        (1, _works, False, False, "done"),
    ],
    ids=["nobody works", "works", "asked to stop", "stopped", "over", "over, a worker still there"],
)
def test_the_state_of_a_study(
    tmp_path: Path, n_trials: int, worker: Callable[[Path], None], stop: bool, running: bool, state: str
) -> None:
    """In one word, from its trials, its stop and the signs of life beside it."""
    trials = [ended(), *([ended("RUNNING")] if running else [])]
    study = kept(tmp_path / "s", trials, n_trials=n_trials)
    worker(tmp_path / "s")
    if stop:
        write_stop(study, Stop("enough", is_fault=False))
    assert read_view(study, tmp_path / "s").state == state
    if stop:
        write_stop(study, Stop("enough", is_fault=False, is_hold=True))
        assert read_view(study, tmp_path / "s").state == ("done" if state == "done" else "held")


def test_a_study_of_another_tool_can_be_viewed(tmp_path: Path) -> None:
    """It has no budget of its own, and no record of ours."""
    study = optuna.create_study(storage=open_storage(None, tmp_path))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    view = read_view(study, tmp_path)
    assert (view.n_trials, view.left, view.state, view.metrics) == (3, 0, "done", ("value",))


def test_a_number_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With what there is."""
    view = viewed(tmp_path / "s", [ended(), ended()])
    assert view.trial(1).number == 1
    for number in (-1, 2):
        with pytest.raises(StudyMismatchError, match=f"has no trial {number}: its trials are 0 to 1"):
            view.trial(number)


def test_reading_writes_nothing(tmp_path: Path) -> None:
    """Neither into the journal nor beside it."""
    mixed(tmp_path / "s")
    before = {path: (path.read_bytes() if path.is_file() else b"") for path in (tmp_path / "s").rglob("*")}
    view = read_view(study_in(tmp_path / "s"), tmp_path / "s")
    assert view.best
    assert view.params_of(view.best[0])["optimizer"] == "sgd"
    assert {path: (path.read_bytes() if path.is_file() else b"") for path in (tmp_path / "s").rglob("*")} == before
    assert view.read_at == pytest.approx(time.time(), abs=60)


def test_studies_are_listed_wherever_they_lie(tmp_path: Path) -> None:
    """By their own marks, also in subfolders; folders of trials in a study are not looked into."""
    kept(tmp_path / "b", [ended()])
    kept(tmp_path / "group" / "deeper" / "a", [ended()])
    (tmp_path / "in_database").mkdir()
    (tmp_path / "in_database" / ".hyperopt_study.json").write_text("{}")
    (tmp_path / "b" / "trials").mkdir()
    kept(tmp_path / "b" / "trials" / "0", [])
    (tmp_path / "plain" / "files").mkdir(parents=True)
    names = [str(path.relative_to(tmp_path)) for path in study_directories(tmp_path)]
    assert names == ["b", "group/deeper/a", "in_database"]


def test_a_directory_leads_to_its_database(tmp_path: Path) -> None:
    """By the file that a search leaves there; `ls` finds it by the mark beside it."""
    url, directory = f"sqlite:///{tmp_path / 'all.db'}", tmp_path / "studies" / "rain"
    directory.mkdir(parents=True)
    for name in ("rain", "snow"):
        create_study(open_storage(url, tmp_path), name, ["minimize"]).add_trial(ended())
    (directory / ".hyperopt_study.json").write_text("{}")
    sweeper = {"storage": "sqlite:///all.db", "study_name": "rain"}
    config = {"hydra": {"sweeper": sweeper, "runtime": {"cwd": str(tmp_path)}}}
    (directory / "multirun.yaml").write_text(json.dumps(config))
    assert study_directories(tmp_path) == [directory]
    view = read_view(study_in(directory), directory)
    assert (view.name, view.ended) == ("rain", 1)
