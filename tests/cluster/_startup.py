# SPDX-License-Identifier: MIT
"""Brings up the daemons of a private Slurm in their order, and takes them down; asks nothing of the running cluster."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.cluster import _processes as processes
from tests.cluster._files import NODES, OWN_FOLDERS, OWNER, ClusterError, Files, checked_folder, write_files

PROGRAMS = ("sbatch", "slurmctld", "slurmd", "munged")
ACCOUNTING_PROGRAMS = ("slurmdbd", "sacctmgr", "mariadbd", "mariadb-install-db")
PACKAGES = "slurm-wlm slurmdbd munge mariadb-server slurm-wlm-torque"
PREFIX = "hyperopt-slurm-"


def missing(*, accounting: bool = True) -> str | None:
    """Why no cluster can be started on this machine; None if it can."""
    wanted = (*PROGRAMS, *(ACCOUNTING_PROGRAMS if accounting else ()))
    absent = [name for name in wanted if not shutil.which(name, path=processes.programs_path())]
    return f"not installed: {', '.join(absent)} (Debian's packages: {PACKAGES})" if absent else None


def start(folder: Path, *, accounting: bool = True) -> Files:
    """Start a new cluster in a folder; what an earlier start has left there is stopped first.

    Returns when the nodes are idle; the jobs and the accounts of an earlier cluster are gone.

    Raises:
        ClusterError: A program or a port is missing, or a daemon did not come up; its output is in the text.
    """
    if reason := missing(accounting=accounting):
        raise ClusterError(reason)
    files = Files(checked_folder(folder))
    processes.kill_all(files)
    write_files(files, accounting=accounting)
    try:
        _start_munged(files)
        if accounting:
            _start_mariadbd(files)
            _start_slurmdbd(files)
        start_slurmctld(files)
        for node in NODES:
            start_slurmd(files, node)
        processes.wait_until(lambda: _is_up(files), "idle nodes", files, "slurmctld")
    except BaseException:
        processes.kill_all(files)
        raise
    return files


def stop(folder: Path) -> None:
    """End everything that belongs to the cluster in a folder; only its configuration and its logs stay."""
    files = Files(checked_folder(folder))
    processes.kill_all(files)
    for name in OWN_FOLDERS:
        if name != "logs":
            shutil.rmtree(files.folder / name, ignore_errors=True)


def start_slurmctld(files: Files) -> None:
    """Start the controller, which takes up what an earlier one has saved; it answers a little later."""
    processes.start_daemon(files, "slurmctld", "slurmctld", "-D", "-i", cwd=files.folder, SLURM_CONF=files.conf)


def start_slurmd(files: Files, node: str) -> None:
    """Start a node's daemon; the node answers a little later."""
    command = ("slurmd", "-D", "-N", node)
    processes.start_daemon(files, f"slurmd-{node}", *command, cwd=files.spool_of(node), SLURM_CONF=files.conf)


def temporary_folder() -> Path:
    """A new folder for a cluster that shall not outlive this process.

    If this process is killed, whoever asks next for such a folder stops and removes what it has left.
    """
    remove_abandoned(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    (folder / OWNER).write_text(_identity(os.getpid()), encoding="utf-8")
    return folder


def remove_abandoned(parent: Path) -> None:
    """Stop and remove the temporary clusters whose processes on this host are no more."""
    for owner in parent.glob(f"{PREFIX}*/{OWNER}"):
        # Another user's, or just being removed by another test session.
        with suppress(OSError, ValueError, ClusterError):
            host, pid, started = owner.read_text(encoding="utf-8").split()
            if host == socket.gethostname() and f"{host} {pid} {started}" != _identity(int(pid)):
                processes.kill_all(Files(checked_folder(owner.parent)))
                shutil.rmtree(owner.parent)


def _start_munged(files: Files) -> None:
    places = {"key-file": files.folder / "munge.key", "socket": files.socket_of("munged")}
    places |= {"pid-file": files.folder / "run/munged.munge", "seed-file": files.folder / "run/munged.seed"}
    options = [f"--{key}={value}" for key, value in places.items()]
    # By force: it mistrusts folders that others could rename, as /tmp.
    processes.start_daemon(files, "munged", "munged", "--foreground", "--force", *options, cwd=files.folder)
    processes.wait_until(files.socket_of("munged").is_socket, "munged's socket", files, "munged")


def _start_mariadbd(files: Files) -> None:
    user = ["--user=root"] if os.geteuid() == 0 else []
    options = ["--no-defaults", f"--datadir={files.folder / 'db'}", "--innodb-log-file-size=8M", *user]
    install = ("mariadb-install-db", *options, "--auth-root-authentication-method=normal", "--skip-test-db")
    processes.start_daemon(files, "mariadb-install-db", *install, cwd=files.folder)
    processes.wait_until(
        lambda: processes.pid_of(files, "mariadb-install-db") is None, "the database to be made", files
    )
    options += ["--skip-networking", f"--socket={files.socket_of('mariadbd')}", "--innodb-flush-log-at-trx-commit=0"]
    processes.start_daemon(files, "mariadbd", "mariadbd", *options, cwd=files.folder)
    processes.wait_until(files.socket_of("mariadbd").is_socket, "mariadbd's socket", files, "mariadbd")


def _start_slurmdbd(files: Files) -> None:
    variables = {"SLURM_CONF": files.conf, "MYSQL_UNIX_PORT": files.socket_of("mariadbd")}
    processes.start_daemon(files, "slurmdbd", "slurmdbd", "-D", cwd=files.folder, **variables)
    # Before slurmctld starts, which would find itself unknown.
    added = ("sacctmgr", "--immediate", "add", "cluster", "test")
    processes.wait_until(lambda: _succeeds(files, *added), "slurmdbd's answer", files, "slurmdbd")


def _is_up(files: Files) -> bool:
    asked = _ask(files, "sinfo", "--noheader", "--Node", "--partition=gpu", "--format=%T")
    return asked.stdout.split() == ["idle"] * len(NODES)


def _succeeds(files: Files, *command: str) -> bool:
    return _ask(files, *command).returncode == 0


def _ask(files: Files, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": processes.programs_path(), "LC_ALL": "C", "SLURM_CONF": str(files.conf)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _identity(pid: int) -> str:
    """A process's host, number and time of start, by which it is told from a later one of the same number."""
    started = "ended"
    with suppress(OSError):
        started = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    return f"{socket.gethostname()} {pid} {started}"
