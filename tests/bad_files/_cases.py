# SPDX-License-Identifier: MIT
"""What a case of this folder is, and how its outcome is judged; no test stands here."""

import hashlib
import os
import shutil
import socket
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.bad_files._commands import Answer, Commands

__all__ = [
    "SEARCH",
    "Case",
    "assert_outcome",
    "device",
    "directory",
    "fifo",
    "holds",
    "link",
    "sqlite_file",
    "unix_socket",
]

# A search of three trials in one process, in the directory `s`.
SEARCH = (
    *("--multirun", "hparams=sphere", "hydra/launcher=basic", "hydra.sweep.dir=s"),
    *("hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=1"),
)
# No command of a case takes a second on a free machine; one that hangs does so for ever.
_DEADLINE_S = 40.0
_MOST_LINES = 6

Plant = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """A command beside something bad.

    Attributes:
        words: Those behind `hyperopt-app`.
        plant: Puts what is bad into the working directory.
        says: What the user must be told.
        accepted: Why the command is right to go on; empty if it must be refused, and then it writes nothing.
        beside_a_study: Whether the directory `s` is that of a finished study of three trials.
        obeys_permissions: Whether root's right to pass over permissions is given up.
    """

    words: tuple[str, ...]
    plant: Plant = lambda _here: None
    says: tuple[str, ...] = ()
    accepted: str = ""
    beside_a_study: bool = False
    obeys_permissions: bool = True


def assert_outcome(case: Case, commands: Commands, made: Path) -> Answer:
    """Run the case in the current directory, and hold its outcome against what it must be."""
    here = Path.cwd()
    if case.beside_a_study:
        shutil.copytree(made, here / "s", symlinks=True)
    clean = _seen(here)
    case.plant(here)
    before = _seen(here)
    planted = {name for name, one in before.items() if clean.get(name) != one}
    try:
        answer = commands.run(*case.words, cwd=here, deadline_s=_DEADLINE_S, is_plain_user=case.obeys_permissions)
        after = _seen(here)
    finally:
        _let_in(here)
    assert answer is not None, f"{case.words} hangs"
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert "Traceback" not in answer.text, answer.text
    for words in case.says:
        assert words in answer.text
    if case.accepted:
        assert answer.code == 0, answer.text
        assert not planted & changed
    else:
        assert answer.code == 1, answer.text
        assert not changed
        assert len(answer.text.strip().splitlines()) <= _MOST_LINES, answer.text
    return answer


def _seen(here: Path) -> dict[str, tuple[int, bytes | str]]:
    """Every file below a directory: kind and mode, and what it holds or where it leads."""
    return {str(path.relative_to(here)): _content(path) for path in _below(here)}


def _below(here: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(here):
        yield from (Path(folder, name) for name in (*folders, *files))


def _content(path: Path) -> tuple[int, bytes | str]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return mode, str(path.readlink())
    return mode, hashlib.sha256(path.read_bytes()).digest() if stat.S_ISREG(mode) and os.access(path, os.R_OK) else b""


def _let_in(here: Path) -> None:
    """Give the rights back, so that the folder can be removed."""
    for path in [here, *_below(here)]:
        if not path.is_symlink() and path.is_dir():
            path.chmod(0o755)


def holds(name: str, content: bytes | str = b"", mode: int | None = None) -> Plant:
    """Puts a file with this content, and with these permissions, in the place of what is there."""

    def plant(here: Path) -> None:
        path = _cleared(here / name)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if mode is not None:
            path.chmod(mode)

    return plant


def directory(name: str, mode: int = 0o755) -> Plant:
    """Puts a directory in the place of what is there; one that is there gets the permissions."""

    def plant(here: Path) -> None:
        path = here / name
        if not path.is_dir():
            _cleared(path).mkdir()
        path.chmod(mode)

    return plant


def link(name: str, target: str) -> Plant:
    """Puts a symbolic link in the place of what is there."""
    return lambda here: _cleared(here / name).symlink_to(target)


def device(name: str) -> Plant:
    """Puts a link to a device that never ends."""
    return link(name, "/dev/zero")


def fifo(name: str) -> Plant:
    """Puts a pipe, into which nobody writes."""
    return lambda here: os.mkfifo(_cleared(here / name))


def unix_socket(name: str) -> Plant:
    """Puts a socket, at which nobody listens."""

    def plant(here: Path) -> None:
        path = _cleared(here / name)
        # Its path may have a hundred characters, which a test's directory nearly has.
        with closing(socket.socket(socket.AF_UNIX)) as one:
            one.bind(os.path.relpath(path))

    return plant


def sqlite_file(name: str, *statements: str, mode: int | None = None) -> Plant:
    """Makes a database."""

    def plant(here: Path) -> None:
        with closing(sqlite3.connect(here / name)) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()
        if mode is not None:
            (here / name).chmod(mode)

    return plant


def _cleared(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    return path
