# SPDX-License-Identifier: MIT
"""Read the plain keys of the section `optuna`: name, metric, direction, n_trials, gpu.

Also guesses the release of the original that a file was written for. The guess only affects texts and defaults.
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from hyperopt_app.config.sweeper import AsyncOptunaConf
from hyperopt_app.legacy.reading.findings import Findings, missing, nearest, shown
from hyperopt_app.legacy.reading.parameter_settings import whole_number

__all__ = [
    "BATCH_BLOCKS",
    "KNOWN_KEYS",
    "OWN_SECTIONS",
    "PER_WORKER",
    "PRUNED_BY_DEFAULT",
    "SWEEPERS_KEYS",
    "dialect_of",
    "read_aims",
    "read_gpu",
    "read_name",
    "read_trials",
]

KNOWN_KEYS = (
    *("name", "study_name", "storage", "storage_type", "reload", "save_path", "objective", "metric", "direction"),
    *("n_trials", "gpu", "sampler", "pruner", "parameters", "enqueue"),
)
# What only the sweeper has, under names that are no misspelling of those above.
SWEEPERS_KEYS = {field.name for field in fields(AsyncOptunaConf)} - {*KNOWN_KEYS, "defaults", "names", "params"}
# Dialects in which `n_trials` counts the trials of one worker, since B2 those of the study; and those in which a file
# without a pruner had Optuna's own default in force, the median rule.
PER_WORKER, PRUNED_BY_DEFAULT = ("A0", "A1", "A2", "B1"), ("A0", "A1", "A2")
_DIRECTIONS = ("minimize", "maximize")
_LIKE_FALSE = ("false", "no", "off", "0", "none", "null", "")


def read_name(optuna: Mapping[Any, Any], findings: Findings, *, is_prototype: bool) -> str:
    """Return the study's name; empty after an error."""
    key = "study_name" if "study_name" in optuna or "name" not in optuna else "name"
    name = optuna.get(key)
    if name is None and is_prototype:
        findings.note("the study is called hyper_opt, since this oldest form of file gives it no name")
        return "hyper_opt"
    if name is None:
        findings.fault("optuna.study_name", f"{missing('study_name', optuna)}; write the name of the study")
        return ""
    if isinstance(name, (Mapping, list, bool)) or not str(name).strip():
        findings.fault(f"optuna.{key}", f"{shown(name)} is not a name; write a text")
        return ""
    return str(name)


def read_aims(optuna: Mapping[Any, Any], findings: Findings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return metrics and directions, equally many."""
    metrics, directions = (_words(optuna, key, findings) for key in ("metric", "direction"))
    for direction in directions:
        if direction not in _DIRECTIONS:
            near = {"min": "minimize", "max": "maximize"}.get(direction[:3].lower())
            hint = f" (did you mean {near}?)" if near else nearest(direction, _DIRECTIONS)
            findings.fault("optuna.direction", f"{direction!r} is not known; write minimize or maximize{hint}")
    if len(metrics) != len(directions) and metrics and directions:
        findings.fault(
            "optuna.direction",
            f"there are {len(metrics)} metric(s) ({', '.join(metrics)}) and {len(directions)} direction(s) "
            f"({', '.join(directions)}); write one direction for each metric, in the same order",
        )
    for key in ("metric", "direction"):
        if isinstance(optuna.get(key), list) and len(optuna[key]) == 1:
            findings.fault(f"optuna.{key}", f"a list of one is not allowed; write {key}: {optuna[key][0]}")
    if len(set(metrics)) != len(metrics):
        findings.fault("optuna.metric", f"{', '.join(metrics)} names a metric twice")
    return metrics, directions


def _words(optuna: Mapping[Any, Any], key: str, findings: Findings) -> tuple[str, ...]:
    value = optuna.get(key)
    words = value if isinstance(value, list) else [value]
    if value is None:
        allowed = {
            "direction": "minimize or maximize (or give -d)",
            "metric": "a key of the dictionary that train() returns (or give -m)",
        }[key]
        findings.fault(f"optuna.{key}", f"{missing(key, optuna)}; write {allowed}")
        return ()
    if not words or not all(isinstance(word, str) and word for word in words):
        findings.fault(f"optuna.{key}", f"{shown(value)} is not allowed; write a text, or a list of texts")
        return ()
    return tuple(words)


def read_trials(optuna: Mapping[Any, Any], findings: Findings) -> int:
    """Return `n_trials` as written."""
    value = optuna.get("n_trials")
    number = whole_number(value)
    if number is None or number < 1:
        came = missing("n_trials", optuna) if value is None else f"{shown(value)} is not allowed"
        findings.fault("optuna.n_trials", f"{came}; write a whole number above 0")
        return 1
    if isinstance(value, str):
        findings.note(f"optuna.n_trials is the text {value!r}; it counts as {number}")
    return number


def read_gpu(optuna: Mapping[Any, Any], findings: Findings) -> bool:
    """Whether the objective is given a GPU."""
    if "gpu" not in optuna:
        findings.note("optuna.gpu is missing; the objective gets device cpu")
        return False
    value = optuna["gpu"]
    if not isinstance(value, str):
        return bool(value)
    if value.strip().lower() in _LIKE_FALSE:
        findings.note(f"optuna.gpu is the text {value!r}, which the original took for yes; it counts as no")
        return False
    if value.strip().lower() not in ("true", "yes", "on", "1"):
        findings.note(f"optuna.gpu: {value} counts as yes; which kind of GPU a job gets is said in its batch options")
    return True


BATCH_BLOCKS = ("slurm", "pbs")
# Sections of a hyperparameter file that do not belong to a model config.
OWN_SECTIONS = ("optuna", *BATCH_BLOCKS)

_SINCE_B1 = {"trials_per_job"}
_SINCE_B3 = {"gpus_per_node", "tasks_per_worker"}


# Until 2021-10 the package was aimlutils.echo.
_IMPORT_OF_B1 = re.compile(r"^[ \t]*(?:from|import)[ \t]+echo\b", re.MULTILINE)


def dialect_of(hyper: Mapping[Any, Any], *, is_alone: bool, objective: str = "") -> str:
    """Return A0, A1, A2, B1, B2 or B3 (B4 has the same keys as B3).

    Args:
        hyper: The hyperparameter config.
        is_alone: The file holds the model config too.
        objective: The text of the objective's file; its imports tell A2 from B1 where no key does.
    """
    if is_alone:
        return "A0"
    optuna = hyper.get("optuna")
    optuna = optuna if isinstance(optuna, Mapping) else {}
    batch = {key for name in BATCH_BLOCKS if isinstance(hyper.get(name), Mapping) for key in hyper[name]}
    if "enqueue" in optuna or optuna.get("storage_type") == "nfs" or batch & _SINCE_B3:
        return "B3"
    if "storage_type" in optuna or "save_path" in hyper:
        return "B2"
    if "name" in optuna and "study_name" not in optuna:
        return "A1"
    return "B1" if "pruner" in optuna or batch & _SINCE_B1 or _IMPORT_OF_B1.search(objective) else "A2"
