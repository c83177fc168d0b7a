# SPDX-License-Identifier: MIT
"""The storages that every contract is tried on, and the servers behind two of them."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import optuna
import pytest
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage

from hyperopt_app.storage import open_storage
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
