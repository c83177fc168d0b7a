# SPDX-License-Identifier: MIT
"""Old studies are found in files that are never written, and faulty files are told."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import optuna
import pytest

from hyperopt_app.errors import StorageError
from hyperopt_app.legacy.old.copies import closing_storage
from hyperopt_app.legacy.old.importing import find_old, import_study
from hyperopt_app.legacy.old.places import Place
from hyperopt_app.space.space import Space
from hyperopt_app.study.identity import Identity, keep_identity
from tests.unit.legacy._old_studies import FILES, OLD, SPACE, copied, old_one, trials_of


@pytest.fixture(params=FILES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A copy of an old file."""
    return copied(tmp_path, request.param)


def test_what_an_old_file_holds_is_told(storage: str) -> None:
    """Trials by state and the tool, before anything is done."""
    old = old_one(storage)
    assert dict(old.states) == {"COMPLETE": 4, "FAIL": 2, "PRUNED": 2, "RUNNING": 1, "WAITING": 1}
    made_by = {"2": "Optuna 2.10.1", "3": "Optuna 3.1.0"}
    expected = "Optuna (a journal)" if storage.startswith("journal") else made_by[storage.split("optuna_")[1][0]]
    assert old.tool == expected
    assert "4 COMPLETE" in old.describe()


def _begun_by_us(storage: str) -> None:
    with closing_storage(storage) as there:
        keep_identity(
            optuna.create_study(study_name="ours", storage=there), Identity(("minimize",), ("x",), Space({}), 1)
        )


@pytest.mark.parametrize("kind", ["sqlite:///{}/x.db", "journal:{}/x.log", "sqlite+pysqlite:///{}/x.db"])
def test_a_study_of_this_project_is_not_old(tmp_path: Path, kind: str) -> None:
    """Nor is a place where there is nothing yet."""
    storage = kind.format(tmp_path)
    if "pysqlite" not in kind:  # a server is asked, and this stands for one
        assert find_old(storage, "ours") is None
        path = Place.of(storage).path
        assert path is not None
        path.touch()
        assert find_old(storage, "ours") is None
    _begun_by_us(storage)
    assert find_old(storage, "ours") is None
    assert find_old(storage, "another") is None


@pytest.mark.parametrize("must_exist", [False, True])
def test_a_study_that_is_not_in_an_old_database_is_told(tmp_path: Path, must_exist: bool) -> None:
    """A new one could not be begun there either; the names that are there are listed."""
    shutil.copy(OLD / "optuna_2_10.db", tmp_path / "old.db")
    with pytest.raises(StorageError, match=r"'single', 'several', 'motpe'.*Optuna 2\.10\.1"):
        find_old(f"sqlite:///{tmp_path}/old.db", "singel", must_exist=must_exist)


def test_who_wants_to_import_is_told_that_nothing_is_there(tmp_path: Path) -> None:
    """No file, and a journal without the study."""
    shutil.copy(OLD / "optuna_3_1_journal.log", tmp_path / "old.log")
    with pytest.raises(StorageError, match="it holds no study"):
        find_old(f"sqlite:///{tmp_path}/nix.db", "single", must_exist=True)
    with pytest.raises(StorageError, match="its studies: 'single', 'several'"):
        find_old(f"journal:{tmp_path}/old.log", "nix", must_exist=True)


def _other_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE birds (name TEXT)")


def _cut(path: Path) -> None:
    data = bytearray((OLD / "optuna_3_1.db").read_bytes())
    data[4096:40960] = b"\xff" * (40960 - 4096)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("x.db", lambda path: path.write_text("notes, notes, notes" * 90), "cannot be read as an SQLite database"),
        ("x.db", _other_program, r"another program \(tables: birds\)"),
        ("x.db", _cut, "cannot be read as an SQLite database"),
        ("x.log", lambda path: path.write_text("INFO: a log file\n"), "not a journal of Optuna"),
    ],
    ids=["text", "other program", "damaged", "log"],
)
def test_a_file_of_another_kind_is_told(
    tmp_path: Path, name: str, make: Callable[[Path], object], message: str
) -> None:
    """In one line with its path, and no traceback of SQLite's."""
    make(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    storage = f"{'journal:' if name.endswith('.log') else 'sqlite:///'}{tmp_path / name}"
    with pytest.raises(StorageError, match=message) as caught:
        import_study(old_one(storage), None, SPACE)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)
    assert (tmp_path / name).read_bytes() == before


def test_tables_of_a_newer_optuna_are_told(tmp_path: Path) -> None:
    """With what helps."""
    path = tmp_path / "old.db"
    shutil.copy(OLD / "optuna_3_1.db", path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = 'v9.0.0.a'")
        database.commit()
    with pytest.raises(StorageError, match=r"v9\.0\.0\.a\) are of a newer Optuna; pip install -U optuna"):
        import_study(old_one(f"sqlite:///{path}"), None, SPACE)


def test_what_a_killed_writer_left_is_rolled_back_in_the_copy_only(tmp_path: Path) -> None:
    """A hot rollback journal lies beside the database: a read-only look cannot mend it, and must not."""
    path, hot = tmp_path / "old.db", tmp_path / "old.db-journal"
    shutil.copy(OLD / "optuna_3_1.db", path)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA cache_size = 1")
        database.execute("PRAGMA cache_spill = 1")
        database.execute("BEGIN")
        database.execute("DELETE FROM trial_params")
        database.execute("DELETE FROM trial_values")
        database.execute("DELETE FROM trial_intermediate_values")
        torn, journal = path.read_bytes(), hot.read_bytes()
        database.execute("ROLLBACK")
    path.write_bytes(torn)
    hot.write_bytes(journal)
    assert torn != (OLD / "optuna_3_1.db").read_bytes()
    report = import_study(old_one(f"sqlite:///{path}"), None, SPACE)
    assert (path.read_bytes(), hot.read_bytes()) == (torn, journal)
    assert len(trials_of(report.storage)[0].params) == len(SPACE)


def test_a_torn_line_of_a_journal_is_mended_in_the_copy_only(tmp_path: Path) -> None:
    """As a killed worker leaves it."""
    path = tmp_path / "old.log"
    torn = (OLD / "optuna_3_1_journal.log").read_bytes() + b'{"op_code": 4, "worker_id": "x", "stu'
    path.write_bytes(torn)
    report = import_study(old_one(f"journal:{path}"), None, SPACE)
    assert path.read_bytes() == torn
    assert report.trials == 10


def test_no_handler_and_no_warning_comes_of_an_upgrade(storage: str, caplog: pytest.LogCaptureFixture) -> None:
    """alembic would set up logging for the whole process, and Optuna warns of its own old distributions."""
    import logging

    before = list(logging.getLogger().handlers)
    import_study(old_one(storage), None, SPACE)
    assert logging.getLogger().handlers == before
    assert "alembic" not in caplog.text


def test_the_committed_files_are_what_they_say() -> None:
    """The tables' revisions that real users have."""
    revisions = {}
    for name in FILES[:2]:
        with closing(sqlite3.connect(f"file:{OLD / name}?mode=ro", uri=True)) as database:
            (revisions[name],) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    assert revisions == {"optuna_2_10.db": "v2.6.0.a", "optuna_3_1.db": "v3.0.0.d"}
    assert json.loads((OLD / FILES[2]).read_text().splitlines()[0])["study_name"] == "single"
