# SPDX-License-Identifier: MIT
"""What a private Slurm's folder holds, and the text of its configuration files; starts nothing."""

import os
import pwd
import random
import re
import secrets
import shutil
import socket
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

NODES = ("n1", "n2")
GPUS_PER_NODE = 2
MAX_ARRAY_SIZE = 101  # the largest index is one less
OWNER = "owner"  # a file of a temporary cluster: the process for which it runs
OWN_FOLDERS = ("db", "devices", "logs", "run", "spool", "state")

# Slurm splits its files at spaces and expands %n. A socket's whole path has 107 bytes, of which stepd needs 35.
ALLOWED_FOLDER = re.compile(r"/[\w./+@-]{1,70}", re.ASCII)

# Below the ports that outgoing connections are given, so that nobody takes one while a daemon is restarted.
PORTS = range(20_000, 32_000)


class ClusterError(RuntimeError):
    """The cluster cannot be started, or does not do what it was asked for; the text says why."""


@dataclass(frozen=True)
class Files:
    """The folder of one cluster.

    Attributes:
        folder: Absolute, and fit to stand in Slurm's files.
    """

    folder: Path

    @property
    def conf(self) -> Path:
        """What SLURM_CONF names."""
        return self.folder / "slurm.conf"

    def socket_of(self, daemon: str) -> Path:
        """Where munged or mariadbd listens."""
        return self.folder / "run" / f"{daemon}.socket"

    def pid_file(self, daemon: str) -> Path:
        """Where the number of a daemon's process is kept."""
        return self.folder / "run" / f"{daemon}.pid"

    def output_of(self, daemon: str) -> Path:
        """What a daemon writes to its standard output and error."""
        return self.folder / "logs" / f"{daemon}.out"

    def spool_of(self, node: str) -> Path:
        """Where a node keeps its jobs; also the working directory of its slurmd and slurmstepd."""
        return self.folder / "spool" / node

    def outputs(self, daemons: str = "*", n_lines: int = 12) -> str:
        """The last lines of every daemon whose name fits, for an error message."""
        parts = []
        for path in sorted((self.folder / "logs").glob(f"{daemons}.out")):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-n_lines:]
            parts.append("\n".join([f"--- {path}", *lines]))
        return "\n".join(parts)


def checked_folder(folder: Path) -> Path:
    """The absolute path of a folder that may hold a cluster.

    Raises:
        ClusterError: Its path cannot stand in Slurm's files, or it holds something else.
    """
    folder = folder.resolve()
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if names and not names & {"slurm.conf", OWNER}:
        raise ClusterError(f"{folder} holds something else than a cluster; use an empty folder, or one to be made")
    if not ALLOWED_FOLDER.fullmatch(str(folder)):
        raise ClusterError(
            f"{str(folder)!r} cannot hold a cluster: Slurm's files and sockets want an absolute path of at most 71 "
            "letters, digits and any of ._/+@-; use another folder, as made by `mktemp -d`"
        )
    return folder


def write_files(files: Files, *, accounting: bool) -> None:
    """Make the folder as it is before the first start; what jobs have written beside our own folders stays."""
    for name in OWN_FOLDERS:
        with suppress(FileNotFoundError):
            shutil.rmtree(files.folder / name)
        (files.folder / name).mkdir(parents=True)
    for node in NODES:
        files.spool_of(node).mkdir()
    for number in range(GPUS_PER_NODE):
        (files.folder / "devices" / f"nvidia{number}").symlink_to("/dev/null")
    port = _free_ports(2 + len(NODES))
    texts = {"slurm.conf": slurm_conf(files, port, accounting=accounting), "gres.conf": gres_conf(files)}
    if accounting:
        texts["slurmdbd.conf"] = slurmdbd_conf(files, port)
    for name, text in texts.items():
        _write_private(files.folder / name, text.encode())
    _write_private(files.folder / "munge.key", secrets.token_bytes(1024))


def slurm_conf(files: Files, port: int, *, accounting: bool) -> str:
    """The cluster's own file; `port` is the first of two plus one per node."""
    folder, host, last = files.folder, _host(), port + 1 + len(NODES)
    return dedent(f"""\
        ClusterName=test
        SlurmctldHost={host}(127.0.0.1)
        SlurmctldPort={port}
        SlurmUser={_user()}
        SlurmdUser={_user()}
        AuthType=auth/munge
        # A requeued job starts twice cred_expire later, after 4 minutes by default.
        AuthInfo=socket={files.socket_of("munged")},cred_expire=5
        StateSaveLocation={folder}/state
        SlurmdSpoolDir={folder}/spool/%n
        SlurmctldPidFile={folder}/run/slurmctld.slurm
        SlurmdPidFile={folder}/run/slurmd-%n.slurm
        SlurmctldLogFile={folder}/logs/slurmctld.log
        SlurmdLogFile={folder}/logs/slurmd-%n.log
        ProctrackType=proctrack/linuxproc
        TaskPlugin=task/none
        MpiDefault=none
        MailProg=/bin/true
        SelectType=select/cons_tres
        SelectTypeParameters=CR_Core
        GresTypes=gpu
        SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
        PreemptType=preempt/partition_prio
        PreemptMode=requeue
        JobRequeue=1
        KillWait=2
        MaxArraySize={MAX_ARRAY_SIZE}
        # Seconds after which a silent node is down. One that was set down by hand stays down.
        SlurmdTimeout=20
        ReturnToService=1
        # Nodes may claim more than this machine has.
        SlurmdParameters=config_overrides
        NodeName=n[1-{len(NODES)}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{port + 2}-{last}] CPUs=8 \
RealMemory=32000 Gres=gpu:v100:{GPUS_PER_NODE}
        PartitionName=gpu Nodes=ALL Default=yes PreemptMode=off
        PartitionName=low Nodes=ALL PreemptMode=requeue GraceTime=5
        PartitionName=lowcancel Nodes=ALL PreemptMode=cancel GraceTime=5
        PartitionName=high Nodes=ALL PreemptMode=off PriorityTier=10
        """) + (_accounting_conf(files, port) if accounting else "AccountingStorageType=accounting_storage/none\n")


def _accounting_conf(files: Files, port: int) -> str:
    return dedent(f"""\
        AccountingStorageType=accounting_storage/slurmdbd
        AccountingStorageHost=127.0.0.1
        AccountingStoragePort={port + 1}
        # Without this, sacct asks munge's usual socket.
        AccountingStoragePass={files.socket_of("munged")}
        """)


def slurmdbd_conf(files: Files, port: int) -> str:
    """The accounting daemon's file; it makes its database itself, through the socket in MYSQL_UNIX_PORT."""
    return dedent(f"""\
        AuthType=auth/munge
        AuthInfo={files.socket_of("munged")}
        DbdHost={_host()}
        DbdAddr=127.0.0.1
        DbdPort={port + 1}
        SlurmUser={_user()}
        PidFile={files.folder}/run/slurmdbd.slurm
        LogFile={files.folder}/logs/slurmdbd.log
        StorageType=accounting_storage/mysql
        StorageUser=root
        StorageLoc=slurm_acct_db
        """)


def gres_conf(files: Files) -> str:
    """GPUs without GPUs: any character device will do, also at the end of a link."""
    nodes = f"NodeName=n[1-{len(NODES)}] Name=gpu Type=v100 Flags=nvidia_gpu_env"
    devices = [f"{nodes} File={files.folder}/devices/nvidia{number}" for number in range(GPUS_PER_NODE)]
    return "\n".join(["AutoDetect=off", *devices, ""])


def _free_ports(count: int) -> int:
    """The first of so many neighbouring ports that nobody listens on."""
    for _ in range(1000):
        first = random.randrange(PORTS.start, PORTS.stop - count)
        with suppress(OSError), ExitStack() as sockets:
            for port in range(first, first + count):
                sockets.enter_context(socket.socket()).bind(("", port))
            return first
    raise ClusterError(f"no {count} free ports from {PORTS.start} to {PORTS.stop}")


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)


def _host() -> str:
    return socket.gethostname().partition(".")[0]


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name
