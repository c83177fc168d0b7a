# SPDX-License-Identifier: MIT
"""Read what the `slurm` and `pbs` blocks have in common: jobs, setup lines, and each job's workers and GPUs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyperopt_app.legacy.reading.findings import Findings, nearest, shown
from hyperopt_app.legacy.reading.parameter_settings import whole_number

__all__ = ["Shares", "as_words", "is_left_out", "job_name", "read_jobs", "setup_lines", "shares_of"]

_KNOWN = ("jobs", "batch", "bash", "kernel", "trials_per_job", "tasks_per_worker", "gpus_per_node")


@dataclass(frozen=True)
class Shares:
    """The workers of one job.

    Attributes:
        workers: How many there are.
        settings: Fields of the launcher, those that differ from its defaults.
    """

    workers: int
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_jobs(name: str, block: Any, findings: Findings) -> tuple[Mapping[Any, Any], int]:
    """Return the batch options and the number of jobs of a block `slurm` or `pbs`."""
    if not isinstance(block, Mapping):
        findings.fault(name, f"{shown(block)} is not allowed; write jobs: and batch: under it")
        return {}, 1
    findings.unknown_keys(f"{name}.", block, _KNOWN)
    jobs = _whole_from(block.get("jobs"), f"{name}.jobs", findings, least=1) if "jobs" in block else None
    if "jobs" not in block:
        findings.fault(f"{name}.jobs", "it is missing; write the number of jobs to be submitted")
    batch = block.get("batch")
    if not isinstance(batch, Mapping) or not batch:
        came = "it is missing" if batch is None else "it is empty" if batch == {} else f"{shown(batch)} is not allowed"
        findings.fault(
            f"{name}.batch", f"{came}; write the options of the batch system under it{nearest('batch', block)}"
        )
        return {}, jobs or 1
    return batch, jobs or 1


def _whole_from(value: Any, where: str, findings: Findings, least: int) -> int | None:
    number = whole_number(value)
    if number is None or number < least:
        findings.fault(where, f"{shown(value)} is not allowed; write a whole number from {least}")
        return None
    return number


def setup_lines(name: str, block: Mapping[Any, Any], findings: Findings) -> list[str]:
    """Return the shell lines of `bash` and `kernel`, in order."""
    bash, kernel = block.get("bash"), block.get("kernel")
    lines = [bash] if isinstance(bash, str) else bash or []
    if not isinstance(lines, Sequence) or not all(isinstance(line, str) for line in lines):
        findings.fault(f"{name}.bash", f"{shown(bash)} is not allowed; write a list of shell lines")
        lines = []
    commands = [part for line in lines for part in line.splitlines()]
    if kernel not in (None, False, "", "None"):
        if isinstance(kernel, str):
            commands += kernel.splitlines()
        else:
            findings.fault(f"{name}.kernel", f"{shown(kernel)} is not allowed; write a shell line, or null")
    return commands


def shares_of(name: str, block: Mapping[Any, Any], gpus: int, findings: Findings) -> Shares:
    """Return the workers of a job with so many GPUs.

    The original started one process a job, or `tasks_per_worker` of them (once `trials_per_job`), or with
    `gpus_per_node` so many on each GPU.
    """
    settings = {
        key: _whole_from(block[key], f"{name}.{key}", findings, least=0) or 0
        for key in ("gpus_per_node", "tasks_per_worker", "trials_per_job")
        if block.get(key) not in (None, False)
    }
    tasks = max(1, settings.get("tasks_per_worker") or settings.get("trials_per_job") or 1)
    on_gpus = settings.get("gpus_per_node", 0)
    if gpus == 0:
        if on_gpus:
            findings.note(
                f"{name}.gpus_per_node: the job asks for no GPUs; {on_gpus * tasks} workers share what it sees"
            )
        workers = max(1, on_gpus) * tasks
        return Shares(workers, {"workers_per_gpu": workers} if workers > 1 else {})
    if on_gpus:
        return _pinned(name, gpus, on_gpus, tasks, findings)
    if tasks == 1:
        return Shares(1, {"gpus_per_trial": gpus} if gpus > 1 else {})
    return _spread(name, gpus, tasks, findings)


def _pinned(name: str, gpus: int, wanted: int, tasks: int, findings: Findings) -> Shares:
    """Assign one worker to each of `wanted` GPUs, or `tasks` of them."""
    per_trial = 1 if tasks > 1 else max(1, gpus // wanted)
    workers = gpus // per_trial * tasks
    if workers != wanted * tasks:
        findings.note(
            f"{name}.gpus_per_node is {wanted} and the job asks for {gpus} GPU(s): {workers} worker(s) run in each job"
        )
    settings = {"gpus_per_trial": per_trial} if per_trial > 1 else {}
    return Shares(workers, settings | ({"workers_per_gpu": tasks} if tasks > 1 else {}))


def _spread(name: str, gpus: int, tasks: int, findings: Findings) -> Shares:
    """Divide a job's GPUs among `tasks` workers, which in the original saw them all and chose by free memory."""
    per_trial, per_gpu = max(1, gpus // tasks), max(1, tasks // gpus)
    workers = gpus * per_gpu // per_trial
    how = f"each has {per_trial} of its own" if per_gpu == 1 else f"{per_gpu} share each"
    if gpus > 1:
        findings.note(f"{name}: {workers} workers run in each job on its {gpus} GPUs, and {how}; all saw all before")
    if workers != tasks:
        findings.note(f"{name}: {tasks} workers do not go evenly on {gpus} GPU(s), so {workers} run in each job")
    settings = {"gpus_per_trial": per_trial} if per_trial > 1 else {}
    return Shares(workers, settings | ({"workers_per_gpu": per_gpu} if per_gpu > 1 else {}))


def is_left_out(name: str, key: str, value: Any, findings: Findings) -> bool:
    """Whether an option that needs a value has none; adds a note if so."""
    if value is None or value is True:
        findings.note(f"{name}.batch.{key} has no value and is left out")
    return value is None or isinstance(value, bool)


def job_name(name: str, key: str, words: str, findings: Findings) -> str:
    """Return the name of a job in letters that every batch system accepts."""
    safe = re.sub(r"[^\w.+-]", "_", words, flags=re.ASCII)
    if safe != words:
        findings.note(f"{name}.batch.{key}: the jobs are called {safe}")
    return safe


def as_words(name: str, key: str, value: Any, findings: Findings) -> str | None:
    """Return the value of a batch option as text; None for a flag without a value, and for an option that is off."""
    if value is None or isinstance(value, bool):
        return None
    parts = value if isinstance(value, list) else [value]
    if any(isinstance(part, (Mapping, list)) for part in parts):
        findings.fault(
            f"{name}.batch.{key}", f"{shown(value)} is not allowed; write text, a number, or a list of these"
        )
        return None
    if isinstance(value, list):
        findings.note(f"{name}.batch.{key} is a list and is joined with commas; it was once written as Python shows it")
        return ",".join(str(getattr(item, "text", item)) for item in parts if item is not None)
    return str(getattr(value, "text", value))
