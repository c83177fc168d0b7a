# SPDX-License-Identifier: MIT
"""Slurm: submit workers as one job array, check the launcher's fields, and query, requeue and identify jobs.

`slurm_job` writes the script with submitit and submits it, `slurm_queue` asks squeue and sacct, and `slurm_output`
parses their answers. submitit is imported only to write a script, not when a worker or the driver identifies its job.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hyperopt_app.errors import ConfigError
from hyperopt_app.schedulers.gpu_slots import Sharing, gpus_in
from hyperopt_app.schedulers.place import Place, Variables, is_number
from hyperopt_app.schedulers.script import Batch, control_characters, grace_faults
from hyperopt_app.schedulers.slurm_queue import SlurmQueue

__all__ = [
    "SHORT_OPTIONS",
    "Slurm",
    "header_faults",
    "script",
    "sharing_of",
    "stock_faults",
    "words_on_each_node",
]

# The short options of sbatch and their long names; as of Slurm 22.05, sbatch(1).
SHORT_OPTIONS = {
    "A": "account",
    "a": "array",
    "b": "begin",
    "C": "constraint",
    "c": "cpus-per-task",
    "D": "chdir",
    "d": "dependency",
    "e": "error",
    "F": "nodefile",
    "G": "gpus",
    "H": "hold",
    "i": "input",
    "J": "job-name",
    "k": "no-kill",
    "L": "licenses",
    "M": "clusters",
    "m": "distribution",
    "N": "nodes",
    "n": "ntasks",
    "O": "overcommit",
    "o": "output",
    "p": "partition",
    "q": "qos",
    "S": "core-spec",
    "s": "oversubscribe",
    "t": "time",
    "w": "nodelist",
    "x": "exclude",
}
# What the launcher itself sets.
_TAKEN = {"array", "a", "wrap", "output", "o", "error", "e", "parsable", "test-only", "input", "i"}
# What submitit writes of a field; given once more, the workers would not be where we count on them.
_FIELDS = {
    "time": "timeout_min",
    "t": "timeout_min",
    "nodes": "nodes",
    "N": "nodes",
    "ntasks-per-node": "tasks_per_node",
    "ntasks": "tasks_per_node",
    "n": "tasks_per_node",
    "job-name": "name",
    "J": "name",
    "gpus-per-node": "gpus_per_node",
    "gpus-per-task": "gpus_per_task",
    "cpus-per-task": "cpus_per_task",
    "c": "cpus_per_task",
    "signal": "signal_delay_s",
}
_DEFAULT_MAX_ARRAY = 1001
# Set in a job whose trials have ranks: the user's options of srun, for the step that starts them.
_SRUN_ARGS = "HYPEROPT_SRUN_ARGS"


class Slurm:
    """The scheduler Slurm; see `registry.Scheduler`."""

    name = "slurm"
    launcher = "slurm_workers"
    stock_launcher = "submitit_slurm"
    submit_program = "sbatch"
    status_program = "squeue"
    cancel: tuple[str, ...] = ("scancel",)
    variables = Variables(
        array_index=("SLURM_ARRAY_TASK_ID",),
        restart=("SLURM_RESTART_COUNT",),
        tasks=("SLURM_NTASKS",),
        task=("SLURM_PROCID",),
        local_task=("SLURM_LOCALID",),
        node=("SLURM_NODEID",),
        end=("SLURM_JOB_END_TIME",),
        # srun has started the worker, not the ranks. Lightning's documentation names this way to say so.
        disowning=(("SLURM_JOB_NAME", "interactive"),),
    )
    tells_ends = True
    keeps_number = True
    default_batch = _DEFAULT_MAX_ARRAY - 1

    def place(self, environment: Mapping[str, str], host: str) -> Place | None:
        """Return the place of a process in a job, on the node that Slurm names."""
        # A shell of salloc on a login node has the job's number too, but it does not end with the job.
        is_in_job = environment.get("SLURM_JOB_ID") and environment.get("SLURMD_NODENAME")
        return _place(environment) if is_in_job else None

    def job_of(self, environment: Mapping[str, str]) -> str:
        """Return the job, or the task of an array."""
        array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
        # Not by the task's own number: that of the last task is the array's, and Slurm would take it for all of them.
        return f"{array}_{task}" if array and task else environment.get("SLURM_JOB_ID", "")

    def queue(self) -> SlurmQueue:
        """Return the object that asks squeue and sacct."""
        return SlurmQueue()

    def faults(self, settings: Mapping[str, Any]) -> list[str]:
        """See `header_faults`."""
        return header_faults(settings)

    def sharing(self, settings: Mapping[str, Any]) -> Sharing:
        """See `sharing_of`."""
        return sharing_of(settings)

    def limit_s(self, settings: Mapping[str, Any]) -> float:
        """Return the time limit in seconds."""
        return _limit_s(settings)

    def with_limit(self, settings: Mapping[str, Any], limit_s: int) -> dict[str, Any]:
        """Return the fields with another time limit."""
        return {**settings, "timeout_min": -(-limit_s // 60)}

    def logs(self, settings: Mapping[str, Any]) -> Path:
        """Return submitit's folder."""
        return Path(str(settings["submitit_folder"]).replace("/%j", "").replace("%j", "jobs")).absolute()

    def largest_batch(self) -> int:
        """Return the site's limit for arrays, or Slurm's default if the site sets none."""
        try:
            text = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True, check=True).stdout  # noqa: S607
        except (OSError, subprocess.CalledProcessError):
            return self.default_batch
        match = re.search(r"^MaxArraySize\s*=\s*(\d+)", text, re.MULTILINE)
        return max(2, int(match[1])) - 1 if match else self.default_batch

    def batch(self, settings: Mapping[str, Any], payload: Path, first: int, jobs: int) -> Batch:
        """Return an array; every array of a launch numbers its tasks from 0."""
        from hyperopt_app.schedulers.slurm_job import WorkersExecutor

        if faults := header_faults(settings):
            raise ConfigError(faults)
        plain = {**settings, **_of_ranks(settings), "additional_parameters": _with_long_names(settings)}
        executor = WorkersExecutor(self.logs(settings), plain, payload, jobs, limit_s=_limit_s(settings))
        return Batch(executor.text(), jobs, executor.submit_workers)

    def obstacle(self, environment: Mapping[str, str], run: Callable[..., str], *, by_limit: bool) -> str:
        """A job that somebody has cancelled no longer runs for Slurm."""
        # A filter of the user's own (SQUEUE_STATES) would hide it.
        words = ["squeue", "--noheader", "--states", "all", "--jobs", self._job(environment), "--format", "%T"]
        state = run(words).strip()
        return "" if state == "RUNNING" else f"its state is {state or 'unknown'}"

    def put_back(self, environment: Mapping[str, str], run: Callable[..., str]) -> str:
        """Requeue the job by scontrol; it keeps its number."""
        run(["scontrol", "requeue", self._job(environment)])
        return ""

    def _job(self, environment: Mapping[str, str]) -> str:
        return environment.get("HYPEROPT_JOB") or self.job_of(environment)


def _place(environment: Mapping[str, str]) -> Place:
    raw_job = environment["SLURM_JOB_ID"]
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    restart, tasks = environment.get("SLURM_RESTART_COUNT", ""), environment.get("SLURM_STEP_NUM_TASKS", "")
    return Place(
        scheduler="slurm",
        cluster=environment.get("SLURM_CLUSTER_NAME", ""),
        job=f"{array}_{task}" if array and task else raw_job,
        raw_job=raw_job,
        restart=int(restart) if is_number(restart) else 0,
        node=environment["SLURMD_NODENAME"],
        task=environment.get("SLURM_PROCID", ""),
        tasks=int(tasks) if is_number(tasks) else 1,
    )


def _with_long_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the additional options of sbatch by their long names, without those that are switched off."""
    extra = settings.get("additional_parameters") or {}
    return {SHORT_OPTIONS.get(str(key), str(key)): value for key, value in extra.items() if value not in (None, False)}


def script(settings: Mapping[str, Any], payload: Path, count: int) -> str:
    """Write the exact script of an array of `count` jobs.

    Raises:
        ConfigError: A value cannot be passed to sbatch.
    """
    return Slurm().batch(settings, payload, 0, count).text


def sharing_of(settings: Mapping[str, Any]) -> Sharing:
    """Return the slots that the fields request."""
    own = gpus_in(settings.get("gres")) + int(settings.get("gpus_per_node") or 0)
    return Sharing(
        nodes=int(settings["nodes"] or 1),
        tasks_per_node=int(settings["tasks_per_node"] or 1),
        gpus_per_node=own,
        gpus_per_task=int(settings.get("gpus_per_task") or 0),
        workers_per_gpu=int(settings["workers_per_gpu"]),
        gpus_per_trial=int(settings["gpus_per_trial"]),
        nodes_per_trial=int(settings.get("nodes_per_trial") or 1),
        ranks_per_node=int(settings.get("ranks_per_node") or 1),
    )


def words_on_each_node(nodes: int) -> list[str]:
    """Return the words before a command that start it once on each node of a job, beside its worker.

    `--overlap` lets this step share the job's CPUs and GPUs with the worker's. A node that ends leaves the others
    alone: the trial decides. The options of srun that the user has set for the worker come first, so that of two of
    a kind ours counts: a container is that of all ranks, and the number of tasks is not that of the worker.
    """
    wanted = shlex.split(os.environ.get(_SRUN_ARGS, ""))
    size = (f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1")
    alone = ("--kill-on-bad-exit=0", "--wait=0", "--immediate=120", "--cpu-bind=none", "--unbuffered", "--quiet")
    # Also where a site's default is to export nothing: the ranks find their trial by their environment.
    return ["srun", *wanted, *size, "--overlap", "--export=ALL", *alone]


def header_faults(settings: Mapping[str, Any]) -> list[str]:
    """Find values in the fields that sbatch cannot accept."""
    faults, where = list[str](), "hydra.launcher.additional_parameters"
    extra = settings.get("additional_parameters") or {}
    flat = {name: value for name, value in settings.items() if name not in {"setup", "additional_parameters"}}
    faults += control_characters(flat | {f"additional_parameters.{key}": value for key, value in extra.items()})
    for key in extra:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", str(key)):
            faults.append(f"{where}.{key!r}: this is not an option's name; write it as sbatch does")
        elif str(key).replace("_", "-") in _TAKEN:
            faults.append(f"{where}.{key}: the launcher sets this option itself; remove it")
        elif (field := _FIELDS.get(str(key).replace("_", "-"))) is not None:
            faults.append(f"{where}.{key}: the launcher has a field for it; write hydra.launcher.{field}")
        elif len(str(key)) == 1 and key not in SHORT_OPTIONS:
            faults.append(f"{where}.{key}: this short option is not known; write the long one")
    if (limit_s := _limit_s(settings)) > 0:
        faults += grace_faults(settings, limit_s, f"timeout_min={settings['timeout_min']}")
    faults += _rank_faults(settings)
    if not settings["use_srun"] and (int(settings["nodes"] or 1) > 1 or int(settings["tasks_per_node"] or 1) > 1):
        faults.append(
            "hydra.launcher.use_srun: false starts one task; set nodes and tasks_per_node to 1, or use_srun to true"
        )
    return faults


def _of_ranks(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the size of a job whose trials have ranks on its nodes: CPUs for each rank, and one worker for all."""
    sharing = sharing_of(settings)
    if not sharing.starts_ranks:
        return {}
    # The worker is rank zero of its trials too, so no CPU is kept from it.
    worker = ["--nodes=1", "--ntasks=1", "--relative=0", "--cpu-bind=none"]
    wanted = [str(word) for word in settings.get("srun_args") or []]
    # Also if there are none: a command that is typed in such a job would hand that job's on.
    setup = [*(settings.get("setup") or []), f"export {_SRUN_ARGS}={shlex.quote(shlex.join(wanted))}"]
    size = {"nodes": sharing.nodes_per_trial, "tasks_per_node": sharing.ranks_per_node}
    return {**size, "setup": setup, "srun_args": [*worker, *wanted]}


def _rank_faults(settings: Mapping[str, Any]) -> list[str]:
    """Find values that do not fit to trials whose ranks the launcher starts."""
    sharing = sharing_of(settings)
    if not sharing.starts_ranks:
        return []
    nodes, ranks = sharing.nodes_per_trial, sharing.ranks_per_node
    has = f"with nodes_per_trial={nodes} and ranks_per_node={ranks} a job is one worker with one trial at a time"
    wanted = {"nodes": ({1, nodes}, f"leave it out: a job has nodes_per_trial={nodes} nodes")}
    alone = ({1}, "leave it out")
    wanted |= {"tasks_per_node": alone, "workers_per_gpu": alone}
    wanted |= {"gpus_per_trial": ({1}, "leave it out: the ranks of a node see all GPUs of their job there")}
    wanted |= {"gpus_per_task": ({0}, "set gpus_per_node, and let each rank take the GPU of its LOCAL_RANK")}
    faults = [
        f"hydra.launcher.{name}: {value} does not fit: {has}; {instead}"
        for name, (fitting, instead) in wanted.items()
        if (value := int(getattr(sharing, name))) not in fitting
    ]
    if settings.get("isolation", "process") != "process":
        faults.append("hydra.launcher.isolation: none runs trials inside their worker, which has no ranks; set process")
    if not settings["use_srun"]:
        faults.append("hydra.launcher.use_srun: false starts no ranks; set it to true")
    return faults


def stock_faults(settings: Mapping[str, Any]) -> list[str]:
    """Find fields of Hydra's stock launcher with which its jobs would end at their start."""
    wanted, limit_s = int(settings.get("signal_delay_s") or 0), _limit_s(settings)
    if limit_s <= 0 or wanted < limit_s:
        return []
    asks = f"Slurm asks a job of {limit_s} s (timeout_min={settings['timeout_min']}) to end {wanted} s before its end"
    return [
        f"hydra.launcher.signal_delay_s: {asks}, so at its very start; set at most {limit_s // 2}, or a longer limit"
    ]


def _limit_s(settings: Mapping[str, Any]) -> int:
    """Return the time limit of a job in seconds; 0 for no limit."""
    return 60 * int(settings.get("timeout_min") or 0)
