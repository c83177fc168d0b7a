# SPDX-License-Identifier: MIT
"""Fixtures of the tests that run whole commands."""

import uuid
from collections.abc import Iterator

import pytest

from tests.end_to_end._studies import Family


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> Iterator[Family]:
    """The processes that this test starts, and theirs; what is left at the end is killed."""
    mark = f"HYPEROPT_TEST_RUN={uuid.uuid4().hex}"
    monkeypatch.setenv(*mark.split("=", 1))
    one = Family(mark)
    yield one
    one.kill()
