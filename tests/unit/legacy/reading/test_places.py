# SPDX-License-Identifier: MIT
"""Paths of a hyperparameter file as people write them: homes, variables, names that no file can have."""

from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.legacy.translating.translation import study_dir_of
from tests.unit.legacy._pairs import faults, notes, read, section

SLURM = {"jobs": 4, "batch": {"t": "12:00:00"}}


@pytest.mark.parametrize("text", ["~/x", "$HOME/x", "${HOME}/x"])
def test_homes_and_variables_are_what_the_shell_makes_of_them(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The original made a folder called $HOME."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    home = tmp_path / "home" / "x"
    pair = read(tmp_path, section({"objective": f"{text}/o.py", "storage": f"{text}/s.db"}), save_path=text)
    assert (pair.save_path, pair.objective) == (home, home / "o.py")
    assert pair.storage == f"sqlite:///{home}/s.db"
    assert ("stands for" in notes(pair)) == ("$" in text)
    pair = read(tmp_path, section({"storage": f"sqlite:///{text}/s.db", "storage_type": ...}))
    assert pair.storage == f"sqlite:///{home}/s.db"


def test_a_folder_of_that_very_name_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study that the original has begun in it goes on."""
    monkeypatch.setenv("SCRATCH", "/elsewhere")
    (tmp_path / "$SCRATCH").mkdir()
    pair = read(tmp_path, save_path="$SCRATCH")
    assert pair.save_path == tmp_path / "$SCRATCH"
    assert not pair.notes


def test_a_variable_that_is_not_set_is_told(tmp_path: Path) -> None:
    """It is part of the name, as ever."""
    pair = read(tmp_path, save_path="$NO_SUCH_VARIABLE_/x")
    assert pair.save_path == tmp_path / "$NO_SUCH_VARIABLE_" / "x"
    assert "stands for nothing in this shell" in notes(pair)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"], ids=["long", "nul"])
@pytest.mark.parametrize("key", ["save_path", "optuna.storage", "optuna.objective", "log.save_path"])
def test_a_name_that_no_file_can_have_is_a_fault(tmp_path: Path, key: str, name: str) -> None:
    """With its key, no traceback."""
    optuna: dict[str, Any] = {key.removeprefix("optuna."): name} if key.startswith("optuna.") else {}
    top: dict[str, Any] = {"save_path": name} if key == "save_path" else {}
    if key == "log.save_path":
        optuna = {"save_path": ".", "storage_type": ..., "storage": "sqlite:///x.db"}
        top = {"save_path": ..., "log": {"save_path": name}}
    (line,) = faults(tmp_path, section(optuna), **top)
    assert line.startswith(f"{key}: ")
    assert "cannot be the name of a file" in line


def test_save_path_that_is_a_file_is_a_fault(tmp_path: Path) -> None:
    """Nothing could be written below it."""
    (line,) = faults(tmp_path, save_path="objective.py")
    assert line.startswith("save_path: ")
    assert line.endswith("is a file; write a directory")


@pytest.mark.parametrize(
    "storage", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+pysqlite:///:memory:?a=b"]
)
def test_a_database_in_memory_is_a_fault(tmp_path: Path, storage: str) -> None:
    """No worker of the original found its study there."""
    (line,) = faults(tmp_path, section({"storage": storage, "storage_type": ...}))
    assert line.startswith("optuna.storage: ")
    assert "in the memory of one process" in line


@pytest.mark.parametrize("changes", [{"storage": "."}, {"storage": "sqlite:///results", "storage_type": ...}], ids=str)
def test_a_database_that_is_a_directory_is_a_fault(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Told before anything is made."""
    (tmp_path / "results").mkdir()
    (line,) = faults(tmp_path, section(changes))
    assert line.startswith("optuna.storage: ")
    assert "results is a directory" in line


def test_a_journal_may_be_written_as_ours_are(tmp_path: Path) -> None:
    """With its scheme."""
    pair = read(tmp_path, section({"storage_type": "nfs", "storage": "journal:/data/x.log"}))
    assert pair.storage == "journal:/data/x.log"


def test_q44_a_url_without_its_scheme_shows_no_password(tmp_path: Path) -> None:
    """It is not a URL, and still it has one."""
    (line,) = faults(tmp_path, section({"storage_type": "maria", "storage": "user:geheim@host/db"}))
    assert line.startswith("optuna.storage: ")
    assert "geheim" not in line


def test_a_very_long_name_makes_a_short_directory(tmp_path: Path) -> None:
    """And another one for another name."""
    one, other = (study_dir_of(read(tmp_path, section({"study_name": "x" * 300 + end}))) for end in "ab")
    assert len(one.name) < 120
    assert one != other


def test_sections_in_the_wrong_place_are_told(tmp_path: Path) -> None:
    """The original ignored them in silence: no workers were submitted, no pruner was in force."""
    pair = read(tmp_path, section({"slurm": SLURM}), pruner={"type": "MedianPruner"})
    assert "optuna.slurm means nothing there and is ignored; slurm belongs at the top level" in pair.notes
    assert "pruner means nothing at the top level and is ignored; it belongs under optuna" in pair.notes
    assert not pair.launchers
