# SPDX-License-Identifier: MIT
"""Where a pair of the original keeps its results, its study and its log."""

from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.legacy.reader import read_pair
from tests.unit.legacy._pairs import MODEL, OPTUNA, ORIGINAL, faults, notes, read, section, write


def test_q1_save_path_need_not_exist(tmp_path: Path) -> None:
    """And reading does not make it."""
    assert read(tmp_path).save_path == tmp_path / "results"
    assert not (tmp_path / "results").exists()


def test_q2_relative_paths_count_from_the_file_first(tmp_path: Path) -> None:
    """What lies beside the hyperparameter file comes before the working directory."""
    beside, cwd = tmp_path / "beside", tmp_path / "cwd"
    beside.mkdir()
    cwd.mkdir()
    hyper = write(beside, "h.yml", {"save_path": "out", "optuna": OPTUNA})
    model = write(cwd, "m.yml", MODEL)
    (cwd / "objective.py").touch()
    assert read_pair(hyper, model, {}, cwd).objective == cwd / "objective.py"
    assert read_pair(hyper, model, {}, cwd).save_path == cwd / "out"
    (beside / "objective.py").touch()
    (beside / "out").mkdir()
    pair = read_pair(hyper, model, {}, cwd)
    assert pair.objective == beside / "objective.py"
    assert pair.save_path == beside / "out"
    assert "is in two places" in notes(pair)


def test_q2_a_relative_database_follows_its_folder(tmp_path: Path) -> None:
    """sqlite:///results/x.db lies where save_path: results does."""
    (tmp_path / "results").mkdir()
    optuna = section({"storage": "sqlite:///results/x.db", "storage_type": ..., "save_path": "results"})
    assert read(tmp_path, optuna, save_path=...).storage == f"sqlite:///{tmp_path}/results/x.db"


def test_the_older_save_path_is_told_when_it_is_ignored(tmp_path: Path) -> None:
    """With save_path at both levels the top level's counts."""
    pair = read(tmp_path, section({"save_path": "elsewhere"}))
    assert pair.save_path == tmp_path / "results"
    assert "elsewhere is ignored" in notes(pair)
    assert pair.optuna["save_path"] == str(tmp_path / "results")


@pytest.mark.parametrize(
    ("changes", "top", "storage"),
    [
        ({}, {}, "sqlite:///{0}/results/rain.db"),
        ({"storage": "/abs/rain.db"}, {}, "sqlite:////abs/rain.db"),
        ({"storage_type": "nfs"}, {}, "journal:{0}/results/rain.db"),
        ({"storage_type": "maria", "storage": "mysql://u:p@h/d"}, {}, "mysql://u:p@h/d"),
        ({"storage": "mysql+pymysql://u@h/d", "storage_type": ...}, {}, "mysql+pymysql://u@h/d"),
        (
            {"storage": "sqlite:////abs/a.db", "storage_type": ..., "save_path": "s"},
            {"save_path": ...},
            "sqlite:////abs/a.db",
        ),
        ({"storage": "sqlite:////abs/a.db"}, {}, "sqlite:////abs/a.db"),
    ],
    ids=["file", "absolute", "nfs", "maria", "url", "sqlite-url", "url-with-type"],
)
def test_a_storage_is_what_the_original_opened(
    tmp_path: Path, changes: dict[str, Any], top: dict[str, Any], storage: str
) -> None:
    """In this project's own form."""
    assert read(tmp_path, section(changes), **top).storage == storage.format(tmp_path)


def test_the_original_kept_the_study_under_its_name(tmp_path: Path) -> None:
    """A1: `optuna.name` is the name of the study and of its file."""
    pair = read(tmp_path, ORIGINAL, save_path=...)
    assert (pair.study_name, pair.storage) == ("rain.db", f"sqlite:///{tmp_path}/results/rain.db")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"storage_type": "mysql"}, "did you mean maria?"),
        ({"storage_type": "SQLite"}, "did you mean sqlite?"),
        ({"storage_type": ...}, "storage_type: it is missing"),
        ({"storage": ...}, "optuna.storage: it is missing"),
        ({"storage_type": "maria"}, "is not a URL"),
        ({"storage_type": "nfs", "storage": "mysql://u:geheim@h/d"}, "wants the name of a journal file"),
    ],
    ids=["type", "case", "no-type", "no-storage", "no-url", "nfs-url"],
)
def test_a_storage_that_never_opened_is_a_fault(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    """With the way out, and without a password."""
    (line,) = faults(tmp_path, section(changes))
    assert told in line
    assert "geheim" not in line


def test_a_url_beside_storage_type_sqlite_is_taken_as_it_is(tmp_path: Path) -> None:
    """The original joined it with save_path, which made nonsense."""
    assert "made nonsense" in notes(read(tmp_path, section({"storage": "sqlite:////abs/a.db"})))


def test_sqlite_on_a_network_filesystem_works_with_a_warning(tmp_path: Path) -> None:
    """These users have nothing else; the remedy is told."""
    pair = read(tmp_path, network="lustre")
    assert pair.storage == f"sqlite:///{tmp_path}/results/rain.db?network=accept"
    assert "storage_type: nfs" in notes(pair)
    assert "legacy import" in notes(pair)


def test_q44_a_password_stands_in_no_note_and_no_fault(tmp_path: Path) -> None:
    """Whatever is told of the storage."""
    url = "mysql://me:geheim@db/optuna"
    pair = read(tmp_path, section({"storage": url}))
    assert "geheim" not in notes(pair)
    assert "another database's URL" in notes(pair)


@pytest.mark.parametrize(
    ("log", "top", "path"),
    [
        (True, {}, "results/log.txt"),
        (False, {}, None),
        ({"save_path": "elsewhere/my.txt"}, {}, "results/log.txt"),
        ("yes please", {}, "results/log.txt"),
        ({"save_path": "results/my.txt"}, {"save_path": ...}, "results/my.txt"),
        ({"level": 1}, {"save_path": ...}, "log.txt"),
    ],
    ids=["true", "false", "old-in-new", "text", "file", "default"],
)
def test_log_is_a_file_as_its_dialect_means_it(tmp_path: Path, log: Any, top: dict[str, Any], path: str | None) -> None:
    """Since B2 always save_path/log.txt, before that the file that is named."""
    optuna = ORIGINAL if top else OPTUNA
    assert read(tmp_path, optuna, log=log, **top).log_path == (None if path is None else tmp_path / path)


def test_a_directory_in_the_place_of_the_log_is_a_fault(tmp_path: Path) -> None:
    """Each worker would end over it."""
    (tmp_path / "results" / "log.txt").mkdir(parents=True)
    (fault,) = faults(tmp_path, OPTUNA, log=True)
    assert "log.txt is a directory" in fault
