# SPDX-License-Identifier: MIT
"""Which release of the original a file was written for: a guess for texts and defaults; what counts is each key."""

from collections.abc import Mapping
from typing import Any

__all__ = ["BATCH_BLOCKS", "OWN_SECTIONS", "dialect_of", "is_per_worker", "prunes_by_default"]

BATCH_BLOCKS = ("slurm", "pbs")
# Sections of a hyperparameter file that are no part of a model config.
OWN_SECTIONS = ("optuna", *BATCH_BLOCKS)

_SINCE_B1 = {"trials_per_job"}
_SINCE_B3 = {"gpus_per_node", "tasks_per_worker"}


def dialect_of(hyper: Mapping[Any, Any], *, is_alone: bool) -> str:
    """A0, A1, A2, B1, B2 or B3 (B4 has the same keys as B3).

    Args:
        hyper: The hyperparameter config.
        is_alone: The file holds the model config too.
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
    return "B1" if "pruner" in optuna or batch & _SINCE_B1 else "A2"


def is_per_worker(dialect: str) -> bool:
    """Whether `n_trials` counts the trials of one worker; since B2 those of the study."""
    return dialect in ("A0", "A1", "A2", "B1")


def prunes_by_default(dialect: str) -> bool:
    """Whether a file without a pruner had Optuna's own default, the median rule, in force."""
    return dialect in ("A0", "A1", "A2")
