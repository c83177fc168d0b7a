# SPDX-License-Identifier: MIT
"""Translate the `slurm` block into fields of `hydra/launcher=slurm_workers`."""

import math
import re
from collections.abc import Mapping
from typing import Any

from hyperopt_app.legacy.batch.shares import as_words, is_left_out, read_jobs, setup_lines, shares_of
from hyperopt_app.legacy.batch.times import slurm_seconds, walltime_text
from hyperopt_app.legacy.reading.findings import Findings, shown
from hyperopt_app.legacy.reading.pair import Launcher
from hyperopt_app.legacy.reading.parameter_settings import whole_number
from hyperopt_app.schedulers.slurm import SHORT_OPTIONS

__all__ = ["read_slurm"]

# Options with a field of the launcher's own.
_FIELDS = {
    "account": "account",
    "partition": "partition",
    "qos": "qos",
    "gres": "gres",
    "job-name": "name",
    "constraint": "constraint",
    "exclude": "exclude",
    "comment": "comment",
    "mem-per-gpu": "mem_per_gpu",
    "mem-per-cpu": "mem_per_cpu",
}
# What the launcher says to sbatch itself.
_NO_PLACE = "a job of workers has no use for it"
_OWN = {
    # Nearly every file has these; the documentation says where the output of each worker is.
    "output": "",
    "error": "",
    "array": "write jobs:",
    "wrap": _NO_PLACE,
    "parsable": _NO_PLACE,
    "test-only": _NO_PLACE,
    "input": _NO_PLACE,
    "signal": "the launcher asks for one itself,",
}
_SIZES = ("nodes", "ntasks", "ntasks-per-node", "cpus-per-task", "gpus", "gpus-per-node", "gpus-per-task")


def read_slurm(block: Any, findings: Findings) -> Launcher:
    """Read how a block `slurm` starts the workers."""
    batch, jobs = read_jobs("slurm", block, findings)
    if isinstance(batch.get("l"), (list, str)) and "walltime" in str(batch["l"]):
        findings.fault(
            "slurm.batch",
            "these are options of PBS (l, with select and walltime); name the block pbs, or write Slurm's",
        )
        return Launcher("slurm_workers", {}, jobs, "slurm")
    options = _long_names(batch, findings)
    settings: dict[str, Any] = {"detach": True}
    settings |= _time(batch, options, findings)
    gpus = _sizes(options, settings, findings)
    # By itself submitit lets 256 of an array run at a time.
    settings |= {"array_parallelism": jobs} if jobs > 256 else {}
    shares = shares_of("slurm", block if isinstance(block, Mapping) else {}, gpus, findings)
    extra = _others(options, settings, findings)
    settings |= shares.settings
    settings |= {"additional_parameters": extra} if extra else {}
    lines = setup_lines("slurm", block if isinstance(block, Mapping) else {}, findings)
    settings |= {"setup": lines} if lines else {}
    return Launcher("slurm_workers", settings, jobs * shares.workers, "slurm")


def _long_names(batch: Mapping[Any, Any], findings: Findings) -> dict[str, Any]:
    """Map the options to their long names."""
    options: dict[str, Any] = {}
    for key, value in batch.items():
        bare = str(key).lstrip("-")
        name = bare.replace("_", "-") if len(bare) > 1 else SHORT_OPTIONS.get(bare)
        if name is None or not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
            findings.fault(f"slurm.batch.{key}", "sbatch has no such option; write its long name")
            continue
        if name in options:
            findings.note(f"slurm.batch gives {name} twice; {key}: {value} counts")
        options[name] = value
    return options


def _time(batch: Mapping[Any, Any], options: dict[str, Any], findings: Findings) -> dict[str, Any]:
    if "time" not in options:
        if batch:
            findings.fault("slurm.batch.t", 'it is missing; write the time limit, t: "12:00:00"')
        return {}
    value = options.pop("time")
    seconds = slurm_seconds(value)
    if not seconds:
        findings.fault("slurm.batch.t", f'{shown(value)} is not a time limit; write "HH:MM:SS" or "D-HH:MM:SS"')
        return {}
    if str(getattr(value, "text", value)).strip().isdigit():
        findings.note(
            f"slurm.batch.t: {value} counts as minutes, as sbatch reads it, so {walltime_text(seconds)}; for anything "
            'else write "HH:MM:SS"'
        )
    return {"timeout_min": math.ceil(seconds / 60)}


def _sizes(options: dict[str, Any], settings: dict[str, Any], findings: Findings) -> int:
    """Set the fields of a job's resources and return the number of its GPUs.

    The original ran one process in the batch script, on the first node, whatever tasks and nodes were asked for: the
    CPUs of all tasks were its.
    """
    numbers = {key: _count(options[key], key, findings) for key in _SIZES if key in options}
    sizes = {key: options.pop(key) for key in _SIZES if key in options}
    nodes = numbers.get("nodes", 1)
    if nodes > 1:
        findings.note(f"slurm.batch asks for {nodes} nodes, of which only the first was ever used; one is asked for")
    tasks = max(1, numbers.get("ntasks", numbers.get("ntasks-per-node", 1)))
    cpus = tasks * max(1, numbers.get("cpus-per-task", 1))
    if cpus > 1 or "cpus-per-task" in numbers:
        # By itself srun would bind the one task to a part of them.
        settings |= {"cpus_per_task": cpus, "srun_args": ["--cpu-bind=none"]}
    gpus = _gpus_of_gres(options.get("gres"))
    if gpus:
        return gpus
    key = next((key for key in ("gpus-per-node", "gpus", "gpus-per-task") if key in sizes), None)
    if key is None:
        return 0
    gpus = numbers[key] * (tasks if key == "gpus-per-task" else 1)
    kind = str(sizes[key]).rpartition(":")[0]
    if kind:
        options["gres"] = f"gpu:{kind}:{gpus}"
    elif gpus:
        settings["gpus_per_node"] = gpus
    return gpus


def _count(value: Any, key: str, findings: Findings) -> int:
    text = str(getattr(value, "text", value)).rpartition(":")[2]
    # `--nodes=1-4`: from the fewest on a job can start.
    number = whole_number(text.partition("-")[0] if key == "nodes" and text[:1] != "-" else text)
    if number is None or number < 0:
        findings.fault(f"slurm.batch.{key}", f"{shown(value)} is not a whole number")
        return 1
    return number


def _gpus_of_gres(gres: Any) -> int:
    """Return how many GPUs a value of `--gres` requests."""
    words = gres if isinstance(gres, list) else str(gres or "").split(",")
    total = 0
    for word in words:
        name, *rest = str(word).strip().split(":")
        if name.lower() == "gpu":
            count = re.match(r"\d+", rest[-1]) if rest else None
            total += int(count[0]) if count else 1
    return total


def _others(options: Mapping[str, Any], settings: dict[str, Any], findings: Findings) -> dict[str, Any]:
    """Set the fields that exist and return the remaining options."""
    extra: dict[str, Any] = {}
    for name, value in options.items():
        if name in _OWN or (name in _FIELDS and is_left_out("slurm", name, value, findings)):
            continue
        words = as_words("slurm", name, value, findings)
        if words is None:
            extra |= {} if value is False else {name: True}
        elif name == "mem" and re.fullmatch(r"\d+GB?", words, re.IGNORECASE):
            settings["mem_gb"] = int(re.sub(r"\D", "", words))
        elif name in _FIELDS:
            settings[_FIELDS[name]] = words
        else:
            extra[name] = True if words == "" else value if isinstance(value, int) else words
    for reason in dict.fromkeys(_OWN[name] for name in options if _OWN.get(name)):
        same = [name for name in options if _OWN.get(name) == reason]
        findings.note(f"slurm.batch.{', '.join(same)}: not needed, {reason}")
    return extra
