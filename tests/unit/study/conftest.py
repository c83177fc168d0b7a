# SPDX-License-Identifier: MIT
"""Workers and a clock by which tests judge who is alive."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperopt_app.study.heartbeat import WorkerIdentity, this_worker
from tests.unit._made_clock import Clock


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def here(tmp_path: Path) -> WorkerIdentity:
    """This very process as a worker."""
    return this_worker(0, tmp_path)


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    """A live process of this machine."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()
