# SPDX-License-Identifier: MIT
"""`hyperopt_app.open_study`: a study in Python."""

import sys
from pathlib import Path

import pytest

import hyperopt_app
from hyperopt_app.errors import StudyMismatchError
from tests.unit._made_studies import ended, kept, mixed, two_objectives
from tests.unit._made_trials import START

pd = pytest.importorskip("pandas")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The directory of a study with trials of all kinds."""
    mixed(tmp_path / "s")
    return tmp_path / "s"


def test_trials_and_curves_are_data_frames(place: Path) -> None:
    """With the values of the storage, by number; times are times."""
    study = hyperopt_app.open_study(place)
    trials = study.trials
    stored = study.study.get_trials()
    assert list(trials.index) == [trial.number for trial in stored]
    assert list(trials["state"][:5]) == ["complete", "complete", "complete", "pruned", "failed"]
    assert list(trials["value"].dropna()) == [trial.value for trial in stored if trial.state.name == "COMPLETE"]
    assert trials.loc[2, "params.optimizer"] == "sgd"
    assert trials.loc[6, "set_aside"] == "discarded by the user"
    assert trials["duration_s"].sum() == 54.0
    assert trials.loc[1, "start"] == pd.Timestamp(stored[1].datetime_start).tz_localize(START.astimezone().tzinfo)
    curves = study.curves
    assert list(curves.columns) == ["number", "step", "value"]
    assert curves[curves["number"] == 2]["value"].tolist() == [0.5, 0.2, 0.125]
    assert len(curves) == sum(len(trial.intermediate_values) for trial in stored)


def test_a_study_without_trials_has_empty_frames(tmp_path: Path) -> None:
    """With the same columns."""
    kept(tmp_path / "s", [])
    study = hyperopt_app.open_study(str(tmp_path / "s"))
    assert (len(study.trials), len(study.curves)) == (0, 0)
    assert "duration_s" in study.trials.columns
    with pytest.raises(StudyMismatchError, match="no trial has completed yet"):
        _ = study.best
    assert "s: 0 of 0 trials" in study._repr_html_()


def test_the_best_trial_with_its_files(place: Path) -> None:
    """Values, parameters, config and checkpoint; what is not there is said."""
    directory = place / "trials" / "2"
    (directory / ".hydra").mkdir(parents=True)
    (directory / ".hydra" / "config.yaml").write_text("lr: 0.5\ntwice: ${lr}\n")
    (directory / "last.ckpt").touch()
    study = hyperopt_app.open_study(place)
    assert (study.best.number, study.best.values, study.best.directory) == (2, {"loss": 0.125}, None)
    assert study.best.params == {"lr": 1e-3, "width": 64, "optimizer": "sgd"}
    with pytest.raises(StudyMismatchError, match="trial 2 has no directory that is seen from here"):
        study.best_config()
    kept(place.parent / "own", [ended(directory="/elsewhere/own/trials/2")])
    (place.parent / "own" / "trials").mkdir()
    directory.rename(place.parent / "own" / "trials" / "2")
    own = hyperopt_app.open_study(place.parent / "own")
    assert own.best_config().twice == 0.5
    assert own.checkpoint() == own.checkpoint(0) == place.parent / "own" / "trials" / "2" / "last.ckpt"
    (place.parent / "own" / "trials" / "2" / ".hydra" / "config.yaml").unlink()
    with pytest.raises(StudyMismatchError, match=r"config.yaml cannot be read"):
        own.best_config()


def test_several_objectives_have_a_front(tmp_path: Path) -> None:
    """And not one best trial."""
    two_objectives(tmp_path / "two")
    study = hyperopt_app.open_study(tmp_path / "two")
    assert [(best.number, dict(best.values)) for best in study.front] == [
        (1, {"loss": 0.1, "accuracy": 0.6}),
        (2, {"loss": 0.4, "accuracy": 0.9}),
    ]
    with pytest.raises(StudyMismatchError, match=r"it has not one best trial; take \.front"):
        _ = study.best
    assert study.directions == ("minimize", "maximize")


def test_a_study_is_shown_in_a_notebook(tmp_path: Path) -> None:
    """As HTML in which nothing of the study's is markup; and in one line elsewhere."""
    kept(tmp_path / "s", [ended(values=1.0)], metrics=["<script>alert(1)</script>"])
    study = hyperopt_app.open_study(tmp_path / "s")
    shown = study._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert shown.count("<tr>") == 2
    assert repr(study) == f"<study s in {tmp_path / 's'}: done, 1 of 1 trials>"
    assert study.summary().startswith("s: 1 of 1 trial in 10 s")
    assert study.health == []


def test_a_study_can_be_read_anew(tmp_path: Path) -> None:
    """What was read stays as it was until then."""
    writer = kept(tmp_path / "s", [ended()])
    study = hyperopt_app.open_study(tmp_path / "s")
    assert len(study.trials) == 1
    writer.add_trial(ended(values=0.1))
    assert len(study.trials) == 1
    assert study.refresh() is study
    assert (len(study.trials), study.best.number, study.state) == (2, 1, "done")


def test_without_pandas_there_is_a_line(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how to install it; what needs no table works."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    study = hyperopt_app.open_study(place)
    assert study.best.number == 2
    with pytest.raises(StudyMismatchError, match=r"pip install 'hyperopt-app\[report\]'"):
        _ = study.trials


def test_a_place_without_a_study_is_refused(tmp_path: Path) -> None:
    """In one line."""
    with pytest.raises(StudyMismatchError, match="directory not found"):
        hyperopt_app.open_study(tmp_path / "none")
    with pytest.raises(StudyMismatchError, match=r"has no journal\.log"):
        hyperopt_app.open_study(tmp_path)
