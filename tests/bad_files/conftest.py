# SPDX-License-Identifier: MIT
"""One server of commands and one finished study, for all cases."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import hyperopt_app
from tests.bad_files._cases import SEARCH
from tests.bad_files._commands import Commands


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Runs the commands of the cases."""
    root = Path(hyperopt_app.__file__).resolve().parents[1]
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    one = Commands(tmp_path_factory.mktemp("streams"), {**os.environ, "PYTHONPATH": path})
    yield one
    one.end()


@pytest.fixture(scope="session")
def made(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished study."""
    here = tmp_path_factory.mktemp("made")
    answer = commands.run(*SEARCH, cwd=here, deadline_s=40.0)
    assert answer is not None
    assert answer.code == 0, answer.text
    return here / "s"
