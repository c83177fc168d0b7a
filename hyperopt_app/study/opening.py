# SPDX-License-Identifier: MIT
"""Open, find or create the study that a command requests, and lock a study for steps that need it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.storages import BaseStorage

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.sampling.samplers import build_pruner
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.plan import Plan
from hyperopt_app.support.lock_file import HolderLock

__all__ = ["create_study", "find_study", "only_study", "open_study", "study_lock"]


def study_lock(study_dir: Path) -> AbstractContextManager[Any]:
    """Lock the study across machines for rare steps that need it: issuing tickets, freeing trials."""
    study_dir.mkdir(parents=True, exist_ok=True)
    return HolderLock(study_dir / ".study")


def find_study(storage: BaseStorage, name: str) -> optuna.Study | None:
    """Return the study of that name; None if it does not exist."""
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        return None


def only_study(storage: BaseStorage, name: str | None) -> optuna.Study:
    """Return the study of that name, or the only study in the storage.

    Raises:
        StudyMismatchError: The study does not exist, or there are several and no name was given; the text lists them.
    """
    names = optuna.get_all_study_names(storage)
    if not names:
        raise StudyMismatchError("The storage holds no study: it was emptied, or no search has begun in it yet.")
    chosen = name if name is not None else names[0] if len(names) == 1 else None
    if chosen not in names or chosen is None:
        raise StudyMismatchError(
            f"--name: {name or 'not given'}; the storage has the studies {', '.join(names)}. Give one of them."
        )
    return optuna.load_study(study_name=chosen, storage=storage)


def create_study(storage: BaseStorage, name: str, directions: Sequence[Any]) -> optuna.Study:
    """Return the study of that name, created if missing; two drivers may call it at once."""
    return optuna.create_study(study_name=name, storage=storage, directions=list(directions), load_if_exists=True)


def open_study(plan: Plan, pruner: BasePruner | None = None) -> optuna.Study:
    """Open the study of a plan, waiting for a database server that is unreachable. Runs in workers and the driver.

    Args:
        plan: The plan.
        pruner: The pruner of a worker, which may keep state and is the same however often the study is opened; by
            default a new one.
    """
    storage = open_storage(plan.storage, plan.study_dir, patience_s=float("inf"))
    pruner = build_pruner(plan.pruner) if pruner is None else pruner
    return optuna.load_study(study_name=plan.study_name, storage=storage, pruner=pruner)
