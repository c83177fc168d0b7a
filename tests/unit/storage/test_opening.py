# SPDX-License-Identifier: MIT
"""Which storages are opened, which are refused, and what a person reads then."""

import os
import re
import socket
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna.storages import BaseStorage, JournalStorage, RDBStorage

from hyperopt_app.errors import StorageError
from hyperopt_app.storage import database, network_filesystems
from hyperopt_app.storage.network_filesystems import is_network_filesystem
from hyperopt_app.storage.opening import absolute_storage, check_storage, open_storage

MOUNTS = """\
/dev/sda1 / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
/dev/sdb1 /home/local xfs rw 0 0
cluster@tcp:/scratch /scratch lustre rw 0 0
host:/data /mnt/my\\040data fuse.sshfs rw 0 0
/dev/fuse /mnt/archive fuse.archivemount rw 0 0
systemd-1 /auto autofs rw 0 0
server:/auto /auto nfs rw 0 0
broken line
"""
SECRET = "s3cr@t"


@pytest.fixture
def opened() -> Iterator[Callable[[str | None, Path], BaseStorage]]:
    """`open_storage`, whose databases are closed after the test."""
    storages: list[BaseStorage] = []

    def open_one(place: str | None, study_dir: Path) -> BaseStorage:
        storages.append(open_storage(place, study_dir))
        return storages[-1]

    yield open_one
    for one in storages:
        if isinstance(one, RDBStorage):
            one.remove_session()
            one.engine.dispose()


def mounts() -> str:
    return MOUNTS


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/data/study.db", None),
        ("/home/me/absent/study.db", "nfs4"),
        ("/homework/study.db", None),
        ("/home/local/study.db", None),
        ("/home", "nfs4"),
        ("/home/me/../../var/study.db", None),
        ("/scratch/../scratch/x", "lustre"),
        ("/mnt/my data/study.db", "fuse.sshfs"),
        ("/mnt/archive/study.db", None),
        ("/auto/x", "nfs"),
    ],
)
def test_the_filesystem_of_a_path_is_that_of_its_longest_mount(path: str, kind: str | None) -> None:
    """A path belongs to the innermost, last mounted filesystem above it, whether or not it exists."""
    assert is_network_filesystem(Path(path), mounts) == kind


def test_links_and_relative_paths_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path, or a link, lies where it leads to."""
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    monkeypatch.chdir(tmp_path)
    text = f"/dev/sda1 / ext4 rw 0 0\nserver:/x {real} nfs rw 0 0\n"
    for path in ("link/study.db", "real", "link/../real/absent/x"):
        assert is_network_filesystem(Path(path), lambda: text) == "nfs"
    assert is_network_filesystem(Path("study.db"), lambda: text) is None


def test_this_machine_is_asked_by_default(tmp_path: Path) -> None:
    """Without a reader of its own it reads this machine's mounts; /proc is no network filesystem."""
    assert is_network_filesystem(Path("/proc/self")) is None


def test_the_default_is_a_journal_in_the_study_directory(
    tmp_path: Path, opened: Callable[[str | None, Path], BaseStorage]
) -> None:
    """With `storage: null` the study is kept in `journal.log` in its directory, which is made."""
    folder = tmp_path / "studies" / "a"
    assert isinstance(opened(None, folder), JournalStorage)
    assert (folder / "journal.log").is_file()


@pytest.mark.parametrize("name", ["other.log", "deep/er/study.journal"])
def test_a_path_is_a_journal(tmp_path: Path, name: str, opened: Callable[[str | None, Path], BaseStorage]) -> None:
    """A path that ends in .log or .journal is another journal, an existing one or a new one."""
    for _ in range(2):
        assert isinstance(opened(str(tmp_path / name), tmp_path / "study"), JournalStorage)
    assert (tmp_path / name).is_file()
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("form", ["sqlite:///{}", "sqlite+pysqlite:///{}", "sqlite:///file:{}?uri=true"])
def test_sqlite_makes_its_directory(
    tmp_path: Path, form: str, opened: Callable[[str | None, Path], BaseStorage]
) -> None:
    """An SQLite file and the directory above it are made; what is stored is found again."""
    url = form.format(tmp_path / "deep" / "er" / "study {x}.db")
    optuna.create_study(storage=opened(url, tmp_path), study_name="a")
    assert (tmp_path / "deep" / "er" / "study {x}.db").is_file()
    assert optuna.get_all_study_names(opened(url, tmp_path)) == ["a"]


def test_a_relative_sqlite_path_begins_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Callable[[str | None, Path], BaseStorage]
) -> None:
    """Three slashes and no fourth make a relative path."""
    monkeypatch.chdir(tmp_path)
    opened("sqlite:///sub/study.db", tmp_path / "other")
    assert (tmp_path / "sub" / "study.db").is_file()


@pytest.mark.parametrize("url", ["sqlite:////scratch/me/study.db", "sqlite:///study.db"])
@pytest.mark.parametrize("use", [open_storage, check_storage])
def test_sqlite_on_a_network_filesystem_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, use: Callable[[str, Path], object]
) -> None:
    """SQLite on a cluster's filesystem is refused with the reason and two ways out, relative paths too."""
    monkeypatch.setattr(network_filesystems, "_read_mounts", lambda: MOUNTS + f"server:/x {tmp_path} nfs rw 0 0\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError) as caught:
        use(url, tmp_path)
    assert re.search(rf"{url} lies on a network filesystem \((lustre|nfs)\)", str(caught.value))
    assert "leave storage: null" in str(caught.value)
    assert "postgresql+psycopg://" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_sqlite_on_a_network_filesystem_may_be_insisted_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Callable[[str | None, Path], BaseStorage]
) -> None:
    """A word at the end of the URL takes the risk; relative paths keep it."""
    monkeypatch.setattr(network_filesystems, "_read_mounts", lambda: f"server:/x {tmp_path} nfs rw 0 0\n")
    insisted = absolute_storage("sqlite:///study.db?network=accept", tmp_path)
    opened(insisted, tmp_path / "study")
    assert (tmp_path / "study.db").is_file()


def test_a_journal_may_have_any_name(tmp_path: Path, opened: Callable[[str | None, Path], BaseStorage]) -> None:
    """After `journal:` a file is a journal whatever it is called."""
    assert isinstance(opened(f"journal:{tmp_path / 'study.db'}", tmp_path / "study"), JournalStorage)
    assert (tmp_path / "study.db").is_file()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?cache=shared&uri=true",
        "sqlite:///file:name?mode=memory&uri=true",
    ],
)
def test_sqlite_in_memory_is_refused(tmp_path: Path, url: str) -> None:
    """A database in the memory of one process cannot be shared by workers."""
    with pytest.raises(StorageError, match="memory of one process, and workers are several"):
        open_storage(url, tmp_path)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("redis://:pw@host:6379", r"redis://:\*\*\*@host:6379 has the unknown scheme 'redis'"),
        ("postgres://me:pw@host/db", "unknown scheme 'postgres'"),
        ("study.db", "study.db is not understood"),
        ("", "is not understood"),
        ("postgresql+psycopg://me:pw@host:port/db", "is not understood"),
        ("postgresql+psycopg://me:p@w@host/db", r"me:\*\*\*@host/db holds more than one '@'; write %40"),
    ],
)
def test_what_is_no_storage_is_refused_with_what_is(tmp_path: Path, url: str, fault: str) -> None:
    """Anything else is refused; the message says what is allowed and shows no password."""
    with pytest.raises(StorageError, match=fault) as caught:
        open_storage(url, tmp_path)
    assert "%40" in str(caught.value) or "sqlite:///FILE" in str(caught.value)
    assert "pw" not in str(caught.value)
    assert "p@w" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("postgresql+pg8000://me:pw@host/db", "pg8000"),
        ("mysql+mysqlconnector://me:pw@host/db", "mysql-connector-python"),
        ("mariadb+mysqldb://me:pw@host/db", "mysqlclient"),
        ("postgresql+psycopg2://me:pw@host/db", "psycopg2-binary"),
    ],
)
def test_a_missing_driver_is_told_with_its_package(
    tmp_path: Path, url: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the driver is not installed, the message says what to give to pip."""
    for name in ("pg8000", "mysql", "MySQLdb", "psycopg2"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(StorageError, match=re.escape(f'pip install "{package}"')):
        open_storage(url, tmp_path)


def test_an_asynchronous_driver_is_refused(tmp_path: Path) -> None:
    """Optuna cannot use SQLAlchemy's asynchronous drivers."""
    pytest.importorskip("psycopg")
    with pytest.raises(StorageError, match="asynchronous"):
        open_storage("postgresql+psycopg_async://me:pw@host/db", tmp_path)


@pytest.fixture
def mute_port() -> Iterator[int]:
    """The port of a server that accepts connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.parametrize(("scheme", "driver"), [("postgresql+psycopg", "psycopg"), ("mysql+pymysql", "pymysql")])
@pytest.mark.parametrize(
    ("use", "is_mute"),
    [(open_storage, False), (check_storage, False), (open_storage, True)],
    ids=["open", "check", "mute"],
)
def test_an_unreachable_database_is_one_line_without_the_password(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mute_port: int,
    scheme: str,
    driver: str,
    use: Callable[[str, Path], object],
    is_mute: bool,
) -> None:
    """No server, or one that does not answer: one readable line within the time limit, and no traceback of a driver."""
    pytest.importorskip(driver)
    monkeypatch.setattr(database, "_CONNECT_TIMEOUT_S", 1)
    monkeypatch.setattr(database, "SHORT_S", 0)
    url = f"{scheme}://user:s3cr%40t@127.0.0.1:{mute_port if is_mute else 1}/db"
    with pytest.raises(StorageError) as caught:
        use(url, tmp_path)
    text = "".join(traceback.format_exception(caught.value))
    assert "\n" not in str(caught.value)
    assert f"{scheme}://user:***@127.0.0.1:{mute_port if is_mute else 1}/db cannot be reached" in str(caught.value)
    assert "s3cr" not in text
    assert text.count("Traceback") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("scheme", "driver"), [("postgresql+psycopg", "psycopg"), ("mysql+pymysql", "pymysql")])
def test_an_option_that_the_driver_does_not_know_is_told(tmp_path: Path, scheme: str, driver: str) -> None:
    """A misspelt option in a URL is one line as well, whatever kind of error the driver makes of it."""
    pytest.importorskip(driver)
    with pytest.raises(StorageError, match=r"cannot be reached: .*sslmod") as caught:
        check_storage(f"{scheme}://u:p@127.0.0.1:1/d?sslmod=x", tmp_path)
    assert "\n" not in str(caught.value)


def test_connections_are_bounded_unless_the_url_says_otherwise() -> None:
    """A connection is given up after 10 s, and SQLite's lock after 60 s; a user's own limit in the URL stands."""
    pytest.importorskip("psycopg")
    limit = database._connect_arguments
    assert limit(database.parse_url("postgresql+psycopg://u:p@h/d")) == {"connect_timeout": 10}
    assert limit(database.parse_url("postgresql+psycopg://u:p@h/d?connect_timeout=3")) == {}
    assert limit(database.parse_url("sqlite:///study.db")) == {"timeout": 60}


def test_a_driver_that_shows_the_password_is_masked() -> None:
    """Whatever a driver says about a failure, the password does not appear in it."""
    url = database.parse_url("sqlite:///study.db").set(username="u", password=SECRET)
    error = RuntimeError(f"cannot use u:{SECRET}@host\n  or s3cr%40t, x://u:other@h")
    assert database._reason(error, url) == "cannot use u:***@host or ***, x://u:***@h"


@pytest.mark.parametrize(
    ("revision", "way"),
    [
        ("v2.6.0.a", "make a copy of the database, and bring the copy up to date with: optuna storage upgrade"),
        ("v99.0.0.a", "install an Optuna as new as that"),
    ],
)
def test_tables_of_another_optuna_are_told_with_the_way_on(
    tmp_path: Path, revision: str, way: str, opened: Callable[[str | None, Path], BaseStorage]
) -> None:
    """A database of an older or newer Optuna is not touched; the message says how to go on."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    opened(url, tmp_path)
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.execute("UPDATE version_info SET library_version = '2.10.1'")
        connection.commit()
    with pytest.raises(StorageError, match=r"made by Optuna 2\.10\.1 and do not fit") as caught:
        open_storage(url, tmp_path)
    assert way in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An SQLite URL of something else, or with a bad option, is a StorageError in one line, at once."""
    (tmp_path / "study.db").write_text("hello " * 1000)
    pauses: list[float] = []
    monkeypatch.setattr(database, "_FIRST_PAUSE_S", 0.0)
    url = database.parse_url(f"sqlite:///{tmp_path / 'study.db'}")
    with pytest.raises(StorageError, match="cannot be used: file is not a database"):
        database.open_database(url, sleep=pauses.append)
    assert pauses == []
    (tmp_path / "study.db").unlink()
    with pytest.raises(StorageError, match="cannot be used: could not convert string to float"):
        open_storage(f"sqlite:///{tmp_path / 'study.db'}?timeout=abc", tmp_path)


@pytest.mark.parametrize("form", [None, "{}/file/other.log", "sqlite:///{}/file/study.db"], ids=str)
@pytest.mark.parametrize("use", [open_storage, check_storage])
def test_a_place_that_cannot_be_written_is_told(
    tmp_path: Path, form: str | None, use: Callable[[str | None, Path], object]
) -> None:
    """A directory that cannot be made is a StorageError that names it, in the check and at opening."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=re.escape(str(tmp_path / "file"))):
        use(form.format(tmp_path) if form else None, tmp_path / "file" / "study")


def test_a_file_without_rights_fails_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that this user may only read fails the check."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode == os.F_OK)
    with pytest.raises(StorageError, match="cannot be written"):
        check_storage(f"sqlite:///{tmp_path / 'study.db'}", tmp_path)


@pytest.mark.parametrize(
    ("given", "absolute"),
    [
        (None, None),
        ("study.log", "/base/study.log"),
        ("~/study.log", f"{Path.home()}/study.log"),
        ("/x/study.log", "/x/study.log"),
        ("journal:study.db", "journal:/base/study.db"),
        ("journal:/x/study.db", "journal:/x/study.db"),
        ("sqlite:///sub/study.db", "sqlite:////base/sub/study.db"),
        ("sqlite:////x/study.db", "sqlite:////x/study.db"),
        ("sqlite:///study.db?timeout=5", "sqlite:////base/study.db?timeout=5"),
        ("sqlite:///file:/x/study.db?uri=true", "sqlite:///file:/x/study.db?uri=true"),
    ],
)
def test_relative_paths_become_absolute(given: str | None, absolute: str | None) -> None:
    """What a relative path meant in the driver's directory, it means in every worker's."""
    assert absolute_storage(given, Path("/base")) == absolute


def test_what_is_no_storage_is_not_made_absolute() -> None:
    """A path that is not a storage is refused as it was written."""
    with pytest.raises(StorageError, match=r"storage: study\.db is not understood"):
        absolute_storage("study.db", Path("/base"))


def test_a_server_url_stays_as_it_is() -> None:
    """URLs of servers, passwords included, are handed on unchanged."""
    pytest.importorskip("psycopg")
    url = "postgresql+psycopg://user:s3cr%40t@host:5432/db?sslmode=require"
    assert absolute_storage(url, Path("/base")) == url
