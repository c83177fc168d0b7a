# SPDX-License-Identifier: MIT
"""A private real Slurm for tests: starts it, talks to it, harms it, stops it; see `python -m tests.cluster`.

Two nodes, `n1` and `n2`, with 8 CPUs, 32 GB and 2 GPU slots each, on whatever machine this is. Partitions: `gpu` (the
default), `low` (preempted and requeued), `lowcancel` (preempted and cancelled), `high` (preempts both `low` ones).
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tests.cluster import _processes as processes
from tests.cluster import _startup as startup
from tests.cluster._files import GPUS_PER_NODE, MAX_ARRAY_SIZE, NODES, ClusterError, Files, checked_folder

__all__ = [
    "GPUS_PER_NODE",
    "MAX_ARRAY_SIZE",
    "NODES",
    "OUTSIDE",
    "Cluster",
    "ClusterError",
    "Run",
    "missing",
    "temporary_cluster",
]

# What Slurm's programs heed in the environment, for instance of the job that these tests run in.
OUTSIDE = ("SACCT_", "SALLOC_", "SBATCH_", "SCANCEL_", "SINFO_", "SLURM", "SQUEUE_", "SRUN_")
PATIENCE_S = 40.0

Found = TypeVar("Found")
Ended = subprocess.CompletedProcess[str]
missing = startup.missing


class Run(NamedTuple):
    """One run of a job, as accounting knows it; a requeued job has several.

    Attributes:
        job: As in `squeue`: `7`, or `7_0` for a task of an array.
        state: One word, such as `COMPLETED` or `NODE_FAIL`.
        exit_code: The exit status and the signal, such as `0:15`.
        node: Where it ran; `None assigned` if it never did.
    """

    job: str
    state: str
    exit_code: str
    node: str


class Cluster:
    """A running cluster, known by its folder.

    Attributes:
        folder: Holds everything of it; the daemons' output is in `logs`.
        environment: The variables by which Slurm's programs find it.
    """

    def __init__(self, folder: Path) -> None:
        self._files = Files(checked_folder(folder))
        self.folder = self._files.folder
        self.environment = {"SLURM_CONF": str(self._files.conf), "PATH": processes.programs_path()}

    @classmethod
    def start(cls, folder: Path, *, accounting: bool = True) -> "Cluster":
        """Start a new cluster; whatever runs in that folder is stopped first. Raises ClusterError with the logs."""
        return cls(startup.start(folder, accounting=accounting).folder)

    @property
    def is_running(self) -> bool:
        """Whether there is somebody to ask."""
        return processes.pid_of(self._files, "slurmctld") is not None

    def stop(self) -> None:
        """End the cluster and its jobs at once; the logs stay."""
        startup.stop(self.folder)

    def run(self, *words: object, text: str | None = None) -> str:
        """Run a program in the cluster's environment and return what it has printed.

        Args:
            words: The command line.
            text: For its standard input.

        Raises:
            ClusterError: It failed, with what it wrote to its standard error, or it did not end.
        """
        command = [str(word) for word in words]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(OUTSIDE)}
        options: dict[str, Any] = {"env": environment | self.environment, "input": text or "", "timeout": PATIENCE_S}
        try:
            ended: Ended = subprocess.run(command, **options, capture_output=True, text=True, check=False)
        except subprocess.TimeoutExpired as error:
            raise ClusterError(f"{error}\n{self._files.outputs('slurm*')}") from None
        if ended.returncode:
            raise ClusterError(f"{' '.join(command)}: exit status {ended.returncode}\n{ended.stdout}{ended.stderr}")
        return ended.stdout.strip()

    def submit(self, script: str, *options: object) -> str:
        """Submit the lines of a shell script with `sbatch`; returns the number of the job."""
        return self.run("sbatch", "--parsable", *options, text=f"#!/bin/bash\n{script}\n").partition(";")[0]

    def squeue(self) -> dict[str, str]:
        """The jobs that wait, run or are being cleaned up, and their states, such as `{"7_0": "RUNNING"}`."""
        lines = self.run("squeue", "--noheader", "--array", "--format=%i %T").splitlines()
        return dict(line.split() for line in lines)

    def sacct(self, job: str) -> list[Run]:
        """What accounting knows of a job, or of the tasks of an array, in the order in which they were run.

        It learns of a start up to five seconds later, on every Slurm.
        """
        fields = "--format=JobID,State,ExitCode,NodeList"
        lines = self.run("sacct", "--allocations", "--duplicates", "--noheader", "--parsable2", fields, "--jobs", job)
        runs = [Run(*line.split("|")) for line in lines.splitlines()]
        return [run._replace(state=run.state.split()[0]) for run in runs]  # CANCELLED by 0

    def scancel(self, *words: object) -> None:
        """Cancel or signal jobs; the words are those of `scancel`."""
        self.run("scancel", *words)

    def set_node(self, name: str, state: str) -> None:
        """Set a node's state: `down` takes its jobs away at once, `drain` lets them end, `resume` brings it back."""
        self.run("scontrol", "update", f"nodename={name}", f"state={state}", "reason=test")

    def nodes(self) -> dict[str, str]:
        """The states of the nodes, such as `idle`, `mixed`, `down*` (`*`: it does not answer)."""
        lines = self.run("sinfo", "--noheader", "--Node", "--partition=gpu", "--format=%N %T").splitlines()
        return dict(line.split() for line in lines)

    def kill_slurmd(self, node: str) -> None:
        """Kill a node's daemon; its jobs go on. The node is down when it has been silent for 20 seconds."""
        self._end(f"slurmd-{node}", signal.SIGKILL)

    def kill_node(self, node: str) -> None:
        """Kill a node's daemon and its jobs, as a power failure does."""
        processes.kill_all(self._files, node)

    def restart_slurmd(self, node: str) -> None:
        """Start a node's daemon again and wait until the node answers; it learns of jobs that are still there."""
        if processes.pid_of(self._files, f"slurmd-{node}") is None:
            now_s = int(time.time())
            startup.start_slurmd(self._files, node)
            self.wait_until(lambda: self._registered_s(node) >= now_s)

    def _registered_s(self, node: str) -> int:
        """When the daemon that has last reported for a node was started, in seconds since 1970; 0 if none has."""
        fields = self.run("env", "SLURM_TIME_FORMAT=%s", "scontrol", "--oneliner", "show", "node", node)
        found = re.search(r"SlurmdStartTime=(\d+)", fields)
        return int(found[1]) if found else 0

    def stop_slurmctld(self) -> None:
        """Shut the controller down, as for an upgrade: running jobs go on, `sbatch` and `squeue` fail."""
        self._end("slurmctld", signal.SIGTERM)

    def restart_slurmctld(self) -> None:
        """Start the controller again and wait until it answers; it knows the jobs from before."""
        if not self.is_running:
            startup.start_slurmctld(self._files)
        self.wait_until(self._is_answered)

    def _is_answered(self) -> bool:
        try:
            self.run("scontrol", "ping")
        except ClusterError:
            return False
        return True

    def _end(self, daemon: str, number: signal.Signals) -> None:
        pid = processes.pid_of(self._files, daemon)
        if pid is None:
            raise ClusterError(f"{daemon} does not run")
        os.kill(pid, number)
        self.wait_until(lambda: processes.pid_of(self._files, daemon) is None)

    def wait_until(self, condition: Callable[[], Found], timeout_s: float = PATIENCE_S) -> Found:
        """Look until the condition is true, and return what it has found.

        Raises:
            ClusterError: It took too long; with the queue, the nodes and the daemons' last words.
        """
        until = time.monotonic() + timeout_s
        while not (found := condition()):
            if time.monotonic() > until:
                raise ClusterError(f"waited {timeout_s:g} s in vain\n{self.report()}")
            time.sleep(0.05)
        return found

    def tidy(self) -> None:
        """Leave no job behind and have every node idle, for the next test."""
        self.restart_slurmctld()
        everything = ("--quiet", "--user", pwd.getpwuid(os.geteuid()).pw_name)
        self.scancel("--state=PENDING", *everything)
        processes.kill_all(self._files, daemons=False)  # a step whose srun has gone first would take seven seconds
        self.scancel(*everything)
        for node in NODES:
            self.restart_slurmd(node)
            if self.nodes()[node].startswith(("down", "drain")):
                self.set_node(node, "resume")
        self.wait_until(lambda: not self.squeue() and set(self.nodes().values()) == {"idle"})

    def processes(self) -> list[int]:
        """Every process of the cluster and of its jobs."""
        return processes.members(self._files)

    def report(self) -> str:
        """Jobs, nodes and the last lines of the daemons, for the message of a failed test."""
        parts = []
        for command in (("squeue", "--array"), ("sinfo", "--Node", "--long", "--partition=gpu")):
            with suppress(ClusterError):
                parts.append(self.run(*command))
        return "\n".join([*parts, self._files.outputs("slurm*")])


@contextmanager
def temporary_cluster(*, accounting: bool = True) -> Iterator[Cluster]:
    """A cluster in a folder of its own, which goes at the end; when it fails, its output is in the error."""
    folder = startup.temporary_folder()
    try:
        cluster = Cluster.start(folder, accounting=accounting)
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
