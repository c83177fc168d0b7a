# SPDX-License-Identifier: MIT
"""Check the fields of the launchers: numbers within their limits, texts that are not empty.

sbatch, qsub or a worker would detect the same errors, but only after the study is created and its tickets are issued.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from hyperopt_app.config.launchers import LocalWorkersConf, WorkersConf
from hyperopt_app.errors import ConfigError
from hyperopt_app.launchers.local import places
from hyperopt_app.support.display_text import shortened

__all__ = ["field_faults"]

# Where nothing is said it is 1. `Sharing` and `places` look at those that say how workers share GPUs.
_LEAST = {"gpus_per_node": 0, "gpus_per_task": 0, "max_num_timeout": 0, "max_resubmissions": 0, "ngpus": 0}
_SHARED = {"workers_per_gpu", "gpus_per_trial", "max_parallel"}
# What the preflight looks at under every launcher.
_JUDGED = {"_target_", "_recursive_", "isolation"}
_MOST, _MOST_WORKERS = 2**31 - 1, 100_000
# As long as a text in a script's header may be, in characters.
_LONGEST = 1024
# As sbatch and qsub write it.
_MEMORY = {
    "mem_per_gpu": (re.compile(r"[1-9]\d*([KMGT]B?)?", re.IGNORECASE), "32G"),
    "mem_per_cpu": (re.compile(r"[1-9]\d*([KMGT]B?)?", re.IGNORECASE), "4G"),
    "mem": (re.compile(r"[1-9]\d*([KMGTP]?[BW])?", re.IGNORECASE), "32gb"),
}
# A folder's name on the filesystems that there are, in bytes.
_LONGEST_NAME = 255


def field_faults(schema: type[WorkersConf] | None, settings: Mapping[str, Any]) -> list[str]:
    """Check single fields; returns nothing for a launcher that is not ours.

    Args:
        schema: The fields that the launcher has; None for a launcher of others.
        settings: Its fields as plain data.
    """
    if schema is None:
        return []
    known = {field.name for field in fields(schema)}
    values = {key: value for key, value in settings.items() if key in known and value is not None}
    faults = [*_integer_faults(values), *_texts(values), *_lists(values), *_paths(values)]
    if schema is LocalWorkersConf:
        faults += _slot_faults(values)
    return [f"hydra.launcher.{fault}" for fault in faults]


def _integer_faults(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or key == "walltime":
            continue
        least, most = _LEAST.get(key, 1), _MOST_WORKERS if key in _SHARED else _MOST
        if (value < least and key not in _SHARED) or value > most:
            yield f"{key}: {value} is not allowed; set a whole number from {least}{_instead(key, value, most)}"
    for key, (pattern, example) in _MEMORY.items():
        if key in values and not pattern.fullmatch(str(values[key])):
            yield f"{key}: {shortened(repr(values[key]))} is not allowed; write a size above 0, e.g. {example}"


def _instead(key: str, value: int, most: int) -> str:
    if key == "mem_gb" and value == 0:
        return "; all of a node's memory is hydra.launcher.additional_parameters: {mem: 0}"
    return f" to {most}" if value > most else ""


def _texts(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        if key in _MEMORY or key in _JUDGED or not isinstance(value, str):
            continue
        if not value.strip():
            yield f"{key}: {shortened(repr(value))} is not allowed; write something, or leave the field out"
        elif len(value) > _LONGEST:
            yield f"{key}: {shortened(repr(value))} has more than {_LONGEST} characters; write less"
        elif key == "python":
            try:
                shlex.split(value)
            except ValueError as error:
                shown = shortened(repr(value))
                yield f"python: {shown} cannot be read as a shell's words ({error}); close what is open"


def _lists(values: Mapping[str, Any]) -> Iterator[str]:
    for key, what in (("signals", "at least one signal, e.g. [SIGTERM]"), ("node_check", "a command, or null")):
        words = values.get(key)
        if words is not None and not (words and all(str(word).strip() for word in words)):
            yield f"{key}: {shortened(repr(words))} is not allowed; write {what}"
    for key in ("setup", "srun_args", "directives", "node_check"):
        if any(isinstance(word, (list, dict)) for word in values.get(key) or []):
            yield f"{key}: {shortened(repr(values[key]))} is not a list of texts; write one text for each line or word"
        elif any(len(str(word)) > _LONGEST for word in values.get(key) or []):
            yield f"{key}: {shortened(repr(values[key]))} has a text of more than {_LONGEST} characters; write less"
    for key in ("srun_args", "directives"):
        if any(not str(word).strip() for word in values.get(key) or []):
            yield f"{key}: {shortened(repr(values[key]))} has an empty text; remove it"


def _paths(values: Mapping[str, Any]) -> Iterator[str]:
    for key in ("folder", "submitit_folder"):
        if any(len(part.encode(errors="replace")) > _LONGEST_NAME for part in str(values.get(key, "")).split("/")):
            shown = shortened(repr(values[key]))
            yield f"{key}: {shown} has a name of more than {_LONGEST_NAME} bytes; write a shorter one"


def _slot_faults(values: Mapping[str, Any]) -> list[str]:
    try:
        numbers = (values["workers_per_gpu"], values["gpus_per_trial"])
        places(1, values.get("max_parallel"), values.get("gpus"), *numbers)
    except ConfigError as error:
        return [fault.removeprefix("hydra.launcher.") for fault in error.faults]
    return []
