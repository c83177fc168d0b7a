# SPDX-License-Identifier: MIT
"""A private real Slurm to play with: `python -m tests.cluster start DIR`, then `shell DIR`, at the end `stop DIR`."""

import argparse
import os
import sys
import time
from pathlib import Path

from tests.cluster.slurm import OUTSIDE, Cluster, ClusterError


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; returns the exit status."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "start":
            _start(given.folder, accounting=not given.no_accounting)
        elif given.command == "stop":
            Cluster(given.folder).stop()
        else:
            _shell(Cluster(given.folder))
    except ClusterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description="A private Slurm in a folder.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start a new cluster in a folder; one that runs there is stopped first")
    start.add_argument("--no-accounting", action="store_true", help="without MariaDB and slurmdbd")
    stop = commands.add_parser("stop", help="end the cluster and its jobs; the logs stay")
    shell = commands.add_parser("shell", help="a shell in which sbatch, squeue, qsub and so on ask this cluster")
    for command in (start, stop, shell):
        command.add_argument("folder", type=Path, metavar="DIR")
    return parser


def _start(folder: Path, *, accounting: bool) -> None:
    begun = time.monotonic()
    cluster = Cluster.start(folder, accounting=accounting)
    sys.stdout.write(f"up in {time.monotonic() - begun:.1f} s; export SLURM_CONF={cluster.environment['SLURM_CONF']}\n")


def _shell(cluster: Cluster) -> None:
    """Become a shell in the cluster's environment."""
    if not cluster.is_running:
        raise ClusterError(f"no cluster runs in {cluster.folder}; `python -m tests.cluster start` starts one")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(OUTSIDE)}
    shell = environment.get("SHELL", "/bin/sh")
    os.execve(shell, [shell], environment | cluster.environment)  # noqa: S606 - a shell is what was asked for


if __name__ == "__main__":
    sys.exit(main())
