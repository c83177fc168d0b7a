# SPDX-License-Identifier: MIT
"""Hyperparameter optimisation of neural networks on GPU clusters, as a Hydra application."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.objective.base import Objective
from hyperopt_app.objective.task_hooks import TaskHooks
from hyperopt_app.objective.trial import Trial, checkpointed, current_seed, current_trial, report

if TYPE_CHECKING:
    from hyperopt_app.looking.opened import OpenedStudy
    from hyperopt_app.programs.command import Command

__all__ = [
    "Command",
    "Objective",
    "TaskHooks",
    "Trial",
    "__version__",
    "checkpointed",
    "current_seed",
    "current_trial",
    "open_study",
    "report",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import `Command` when it is first asked for: it needs Hydra, which takes longer than all else here."""
    if name == "Command":
        from hyperopt_app.programs.command import Command

        return Command
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def open_study(path: str | Path, *, storage: str | None = None, name: str | None = None) -> "OpenedStudy":
    """Open a study to look at it, in a notebook or a script; nothing of it is written, also while workers run.

    Args:
        path: The study's directory.
        storage: The storage's URL; by default that of the last search in the directory.
        name: The study's name, if the storage has several.

    Returns:
        The study: `trials` and `curves` as data frames, `best`, `best_config()`, `checkpoint()`, `health`, `summary()`.

    Raises:
        StudyMismatchError: The directory holds no study.
        StorageError: Its storage cannot be used.
    """
    # Optuna is heavy, and most programs that import this package only report to a trial.
    from hyperopt_app.looking.opened import open_directory

    return open_directory(path, storage=storage, name=name)
