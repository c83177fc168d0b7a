# SPDX-License-Identifier: MIT
"""The fixture `slurm_cluster`: a private real Slurm for all tests of a session, idle again after each of them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster._sweeps import APP, Start
from tests.cluster.slurm import OUTSIDE, Cluster, missing, temporary_cluster
from tests.conftest import _environment_of_programs
from tests.contracts.servers import skip_or_fail


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip for want of Slurm; where servers are promised (CI), fail, before the guards above would skip."""
    if item.get_closest_marker("slurm") and (reason := missing()):
        skip_or_fail(reason)


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[Cluster]:
    """The cluster. In a test that asks for it, Slurm's programs find it, also those that other programs call."""
    with temporary_cluster() as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _only_this_cluster(
    _environment_kept: None, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Show a test its own cluster, or none, but never a site's; take its jobs away and mend the nodes at the end."""
    if not request.node.get_closest_marker("slurm"):
        yield
        return
    for name in [name for name in os.environ if name.startswith(OUTSIDE)]:
        monkeypatch.delenv(name)
    if "slurm_cluster" not in request.fixturenames:
        monkeypatch.setenv("SLURM_CONF", str(Path("no cluster").absolute()))
        yield
        return
    cluster: Cluster = request.getfixturevalue("slurm_cluster")
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    yield
    cluster.tidy()


@pytest.fixture
def sweep() -> Iterator[Start]:
    """`sweep(*words)`: the command of a sweep, running; killed at the end."""
    running: list[subprocess.Popen[str]] = []

    def start(*words: object) -> "subprocess.Popen[str]":
        command = [sys.executable, str(APP), "--multirun", *map(str, words)]
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        running.append(
            subprocess.Popen(command, env=_environment_of_programs(), text=True, start_new_session=True, **streams)
        )
        return running[-1]

    yield start
    for program in running:
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
        program.communicate()
