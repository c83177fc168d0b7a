# SPDX-License-Identifier: MIT
"""The test cluster's own program: what it refuses, and that it leaves no process behind, however it ends."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import _startup as startup
from tests.cluster._files import ClusterError, Files, checked_folder, gres_conf, slurm_conf
from tests.cluster._processes import kill_all, members, pid_of, start_daemon
from tests.cluster.slurm import Cluster
from tests.conftest import REPO


@pytest.fixture
def files() -> Iterator[Files]:
    """An empty folder for a cluster, with the places of its daemons."""
    folder = startup.temporary_folder()
    one = Files(checked_folder(folder))
    for name in ("logs", "run", "spool/n1", "spool/n2"):
        (one.folder / name).mkdir(parents=True)
    yield one
    kill_all(one)
    shutil.rmtree(folder, ignore_errors=True)


def _program(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.cluster", *map(str, arguments)]
    return subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _output_of(*arguments: object) -> str:
    with _program(*arguments) as program:
        output, _ = program.communicate()
    assert program.returncode == 0, output
    return output


@pytest.mark.parametrize("name", ["a b", "a%n", "a#b", "ä", "x" * 100], ids=["space", "%n", "#", "umlaut", "long"])
def test_a_path_that_slurm_cannot_read_is_refused(name: str) -> None:
    """Slurm's files have no quotes; the message says which letters are allowed."""
    with pytest.raises(ClusterError, match=r"cannot hold a cluster.*letters, digits"):
        checked_folder(Path("/tmp") / name)  # noqa: S108 - nothing is written there


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    """Whoever mistypes the folder loses nothing."""
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ClusterError, match="holds something else"):
        checked_folder(tmp_path)


def test_nodes_have_neighbouring_ports_and_gpus_of_their_own() -> None:
    """Two nodes on one machine: the ports after those of slurmctld and slurmdbd, and a device for each slot."""
    files = Files(Path("/c"))
    text = slurm_conf(files, 20_000, accounting=True)
    assert "SlurmctldPort=20000\n" in text
    assert "AccountingStoragePort=20001\n" in text
    assert "NodeName=n[1-2] " in text
    assert "Port=[20002-20003] " in text
    assert gres_conf(files).count("File=/c/devices/nvidia") == 2


def test_a_daemon_is_known_by_its_folder(files: Files) -> None:
    """Its children belong to it; a stale pid file, with the number of some other process, is nobody's."""
    start_daemon(files, "sleeper", "sh", "-c", "sleep 300 & wait", cwd=files.folder)
    pid = pid_of(files, "sleeper")
    assert pid is not None
    while len(members(files)) < 2:
        assert pid_of(files, "sleeper") == pid
    files.pid_file("sleeper").write_text(str(os.getpid()))
    assert pid_of(files, "sleeper") is None
    kill_all(files)
    assert members(files) == []


def test_what_works_for_a_node_ends_with_it(files: Files) -> None:
    """Killing one node spares the other, and a user who has only named the cluster in a shell."""
    for node in ("n1", "n2"):
        start_daemon(files, node, "sleep", "300", cwd=files.spool_of(node))
    command = [sys.executable, "-c", "import time; time.sleep(300)"]
    with subprocess.Popen(command, env={**os.environ, "SLURM_CONF": str(files.conf)}) as shell:
        kill_all(files, "n1")
        assert pid_of(files, "n1") is None
        assert pid_of(files, "n2") is not None
        kill_all(files)
        assert shell.poll() is None
        shell.kill()


def test_the_clusters_of_killed_tests_are_removed(files: Files) -> None:
    """The next test session finds them by the process for which they ran, and leaves those alone that are in use."""
    owner = files.folder / "owner"
    startup.remove_abandoned(files.folder.parent)
    assert owner.exists()
    start_daemon(files, "sleeper", "sleep", "300", cwd=files.folder)
    host, pid, started = owner.read_text().split()
    owner.write_text(f"{host} {pid} {int(started) - 1}")
    startup.remove_abandoned(files.folder.parent)
    assert not files.folder.exists()
    assert members(files) == []


@pytest.mark.slurm
def test_a_daemon_that_does_not_come_up_is_named(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error holds what it wrote, and the daemons before it are stopped."""
    fake = Path("slurmctld")
    fake.write_text("#!/bin/sh\necho no such luck >&2; exit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(Path.cwd()), prepend=os.pathsep)
    with pytest.raises(ClusterError, match=r"slurmctld has ended(.|\n)*no such luck"):
        Cluster.start(files.folder, accounting=False)
    assert members(files) == []


@pytest.mark.slurm
@pytest.mark.timeout(180)
def test_a_killed_start_leaves_nothing_after_a_stop(files: Files) -> None:
    """Whatever was running when `start` was killed is found and ended."""
    with _program("start", files.folder) as program:
        while not members(files):
            assert program.poll() is None
        program.send_signal(signal.SIGKILL)
    _output_of("stop", files.folder)
    assert members(files) == []


@pytest.mark.slurm
@pytest.mark.timeout(180)
def test_a_second_cluster_runs_beside_the_first(slurm_cluster: Cluster, files: Files) -> None:
    """Without accounting jobs run all the same and sacct says why it knows nothing; the first never hears of it."""
    assert "SLURM_CONF=" in _output_of("start", files.folder, "--no-accounting")
    other = Cluster(files.folder)
    job = other.submit("echo $SLURM_JOB_ID >seen; sleep 300")
    other.wait_until(lambda: Path("seen").exists() and Path("seen").read_text() == f"{job}\n")
    with pytest.raises(ClusterError, match="accounting storage is disabled"):
        other.sacct(job)
    slurm_cluster.wait_until(lambda: slurm_cluster.squeue() == {})  # Slurm itself takes a moment to end a job
    _output_of("stop", files.folder)
    assert other.processes() == []
    assert set(slurm_cluster.nodes().values()) == {"idle"}
