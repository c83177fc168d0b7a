# SPDX-License-Identifier: MIT
"""The storages that every contract is tried on, and the servers behind two of them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import optuna
import pytest
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage

import hyperopt_app
from hyperopt_app.storage.opening import open_storage
from tests.contracts import servers

SHARED = ("journal", "sqlite", "postgresql", "mariadb")


class Place:
    """An empty storage of one kind.

    Attributes:
        kind: `memory` or one of `SHARED`.
        storage: What the user would write in the config.
        study_dir: The study's directory.
    """

    def __init__(self, kind: str, storage: str | None, study_dir: Path) -> None:
        self.kind = kind
        self.storage = storage
        self.study_dir = study_dir
        self._memory = InMemoryStorage()
        self._opened: list[BaseStorage] = []

    def open(self) -> BaseStorage:
        """Open it once more, as another worker would (in memory it is the same one)."""
        if self.kind == "memory":
            return self._memory
        self._opened.append(open_storage(self.storage, self.study_dir))
        return self._opened[-1]

    def arguments(self) -> tuple[str, str]:
        """Storage and study directory for a program's command line."""
        return self.storage or "null", str(self.study_dir)

    def create(self, n_tickets: int) -> optuna.Study:
        """A study with so many waiting trials."""
        study = optuna.create_study(study_name="contract", storage=self.open())
        for _ in range(n_tickets):
            study.enqueue_trial({})
        return study

    def close(self) -> None:
        """Close every connection."""
        for storage in self._opened:
            if isinstance(storage, RDBStorage):
                storage.remove_session()
                storage.engine.dispose()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[servers.Server]:
    """One PostgreSQL for the whole session."""
    with servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[servers.Server]:
    """One MariaDB for the whole session."""
    with servers.mariadb() as server:
        yield server


class Programs:
    """Runs the programs of `programs.py` in a process of its own, which can fork without harm.

    A call that does not come to its answer, because the test's time was over, say, would leave the process in the
    middle of it, and the next call would read that answer. So it is ended with all that it has forked, and the next
    call starts another one.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, name: str, *arguments: object) -> Any:
        """What the program has found."""
        try:
            source, sink = self._streams()
            sink.write(json.dumps([name, *map(str, arguments)]) + "\n")
            sink.flush()
            return json.loads(source.readline())
        except BaseException:  # what ends a test by its timeout is no Exception
            self.end()
            raise

    def _streams(self) -> tuple[IO[str], IO[str]]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("programs.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(Path(hyperopt_app.__file__).parents[1])},
                start_new_session=True,
            )
            assert self._process.stdout is not None
            assert self._process.stdout.readline() == "ready\n"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdout, self._process.stdin

    def end(self) -> None:
        """End the process and what it has forked, which is one group; the next call starts another one."""
        if self._process is None:
            return
        process, self._process = self._process, None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(OSError), process:  # closing a pipe may want to write what was left in it
            pass


@pytest.fixture(scope="session")
def _programs() -> Iterator[Programs]:
    programs = Programs()
    try:
        yield programs
    finally:
        programs.end()


@pytest.fixture
def run_program(_programs: Programs) -> Programs:
    """`run_program(name, *arguments)`: what one of the functions in `programs.py` finds."""
    return _programs


def _place(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Place]:
    storage: str | None = None
    if kind == "sqlite":
        storage = f"sqlite:///{folder / 'study.db'}"
    elif kind in ("postgresql", "mariadb"):
        storage = request.getfixturevalue(f"{kind}_server").new_database()
    place = Place(kind, storage, folder)
    yield place
    with suppress(OSError):
        place.close()


@pytest.fixture(params=("memory", *SHARED))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty storage of every kind in turn."""
    yield from _place(request.param, request, tmp_path)


@pytest.fixture(params=SHARED)
def shared_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty storage of every kind that several processes can have open."""
    yield from _place(request.param, request, tmp_path)
