# SPDX-License-Identifier: MIT
"""What is exported can be read by others, and is what the study holds."""

import csv
import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution

from hyperopt_app.errors import StorageError, StudyMismatchError
from hyperopt_app.looking.opening import storage_in
from hyperopt_app.looking.tables.exports import csv_text, exported, json_data
from hyperopt_app.looking.view import read_view
from hyperopt_app.storage.opening import open_storage
from tests.unit._made_studies import ended, kept, mixed


def _export(place: Path, target: str) -> str:
    storage, _ = storage_in(place)
    return exported(read_view(optuna.load_study(study_name=place.name, storage=storage), place), target, storage)


def test_csv_and_json_hold_all_trials(tmp_path: Path) -> None:
    """CSV as in trials.csv, JSON with the curves too; a file that was there is replaced."""
    mixed(tmp_path / "s")
    Path("t.csv").write_text("old")
    assert _export(tmp_path / "s", "t.csv") == f"7 trials of {tmp_path / 's'} written to t.csv"
    _export(tmp_path / "s", "t.json")
    with Path("t.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == [*["complete"] * 3, "pruned", "failed", "failed", "complete"]
    data = json.loads(Path("t.json").read_text(encoding="utf-8"))
    assert data["metrics"] == ["loss"]
    assert [trial["number"] for trial in data["trials"]] == list(range(10))
    assert data["trials"][2]["curve"] == [[1, 0.5], [2, 0.2], [3, 0.125]]
    assert "hunter2" not in str(data)
    view = read_view(kept(tmp_path / "e", []), tmp_path / "e")
    assert csv_text(view).count("\n") == 1
    assert json_data(view)["trials"] == []


@pytest.mark.parametrize("target", ["copy.db", "copy.log", "journal:copy", "sqlite:///copy.db"])
def test_a_study_is_copied_into_a_storage_of_optunas(tmp_path: Path, target: str) -> None:
    """With all its trials; where it is already, nothing is written and the storage stays as it was."""
    study = mixed(tmp_path / "s")
    assert "was copied to" in _export(tmp_path / "s", target)
    url = f"sqlite:///{target}" if target.endswith(".db") and "://" not in target else target
    copy = optuna.load_study(study_name="s", storage=open_storage(url, Path.cwd(), reading=True))
    assert [(t.state, t.values, t.params) for t in copy.get_trials()] == [
        (t.state, t.values, t.params) for t in study.get_trials()
    ]
    with pytest.raises(StudyMismatchError, match="already holds a study 's'; nothing was written"):
        _export(tmp_path / "s", target)
    assert len(copy.get_trials()) == len(study.get_trials())


def test_parquet_keeps_types(tmp_path: Path) -> None:
    """Choices of several types become texts, since a column has one type."""
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    space = {"c": CategoricalDistribution(["a", 1, None])}
    kept(tmp_path / "s", [ended(values=float(n), params={"c": c}, space=space) for n, c in enumerate(["a", 1, None])])
    _export(tmp_path / "s", "t.parquet")
    frame = pd.read_parquet("t.parquet")
    assert frame["number"].tolist() == [0, 1, 2]
    assert frame["value"].tolist() == [0.0, 1.0, 2.0]
    assert frame["params.c"][:2].tolist() == ["a", "1"]
    assert frame["start"].dt.year.tolist() == [2026] * 3


def _without_pyarrow(*_arguments: Any, **_options: Any) -> None:
    raise ImportError("Missing optional dependency 'pyarrow'.")  # as pandas says it


def test_what_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form, the storage, a library that is missing; passwords are hidden."""
    kept(tmp_path / "s", [ended()])
    with pytest.raises(StudyMismatchError, match=r"--to t\.xyz: not a form that can be written"):
        _export(tmp_path / "s", "t.xyz")
    with pytest.raises(StorageError) as error:
        _export(tmp_path / "s", "nothing+like://me:hunter2@db/x")
    assert "hunter2" not in str(error.value)
    # Not by hiding the module: pandas, which has loaded it, uses it for texts.
    monkeypatch.setattr("pandas.DataFrame.to_parquet", _without_pyarrow)
    with pytest.raises(StudyMismatchError, match="Parquet needs pyarrow"):
        _export(tmp_path / "s", "t.parquet")
    assert not Path("t.parquet").exists()
    with pytest.raises(FileNotFoundError):
        _export(tmp_path / "s", "nowhere/t.csv")
