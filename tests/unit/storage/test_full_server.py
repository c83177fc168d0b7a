# SPDX-License-Identifier: MIT
"""A database server that has no connection left."""

import pytest

from hyperopt_app.errors import StorageError
from hyperopt_app.storage import database


@pytest.mark.parametrize("free_after", [1, 3])
def test_a_full_server_is_asked_again(monkeypatch: pytest.MonkeyPatch, free_after: int) -> None:
    """Many workers that open a server at once wait for a connection; another fault is told at once."""
    answers = ["FATAL: sorry, too many clients already"] * free_after + ["password authentication failed"]
    pauses: list[float] = []

    def check(url: object) -> None:
        raise StorageError(answers.pop(0))

    monkeypatch.setattr(database, "check_database", check)
    with pytest.raises(StorageError, match="authentication"):
        database.open_database(database.parse_url("postgresql+psycopg://u@h/d"), sleep=pauses.append)
    assert len(pauses) == free_after


def test_a_server_that_stays_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waiting ends, with what the server said."""
    pauses: list[float] = []

    def check(url: object) -> None:
        raise StorageError("Too many connections")

    monkeypatch.setattr(database, "check_database", check)
    with pytest.raises(StorageError, match="Too many"):
        database.open_database(database.parse_url("mysql+pymysql://u@h/d"), sleep=pauses.append)
    assert 0 < len(pauses) < 10
