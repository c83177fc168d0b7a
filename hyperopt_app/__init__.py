# SPDX-License-Identifier: MIT
"""Hyperparameter optimisation of neural networks on GPU clusters, as a Hydra application."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.objective.base import Objective
from hyperopt_app.objective.first_process import let_join
from hyperopt_app.objective.task_hooks import TaskHooks
from hyperopt_app.objective.trial import Trial, checkpointed, current_seed, current_trial, report

if TYPE_CHECKING:
    from collections.abc import Callable

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
    "launch_ranks",
    "open_study",
    "report",
]

__version__ = "0.1.0"


def _join_as_program() -> Any:
    """Join the trial that has started this program as its command."""
    from hyperopt_app.ranks.of_programs import join_as_program

    return join_as_program()


# `hyperopt_app.ranks.environment.PROGRAM`; not imported, because most programs are none of a trial.
if "HYPEROPT_PROGRAM" in os.environ:
    let_join(_join_as_program)


def __getattr__(name: str) -> Any:
    """Import `Command` when it is first asked for: it needs Hydra, which takes longer than all else here."""
    if name == "Command":
        from hyperopt_app.programs.command import Command

        return Command
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def launch_ranks(function: "Callable[..., Any]", ranks: int, *arguments: Any) -> Any:
    """Run a function in several new processes of this machine and return what it returned in the first of them.

    Each process finds RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT in its environment, so that
    `torch.distributed.init_process_group()` needs no arguments, and in OMP_NUM_THREADS its share of the CPUs unless
    that is set. In a trial each process is a rank of it: call `report`, `should_prune` and `checkpointed` on all ranks
    alike; rank zero speaks to the study, and the others get its answers.

    Args:
        function: Called in each process; a function of the script may be sent, too.
        ranks: How many processes, from 1.
        arguments: What the function is called with.

    Returns:
        What the function returned on rank zero.

    Raises:
        optuna.TrialPruned: The trial was pruned; let it pass.
        RanksError: The trial runs in its worker's process.
        RuntimeError: The function raised an exception on a rank, or a rank died.
        ValueError: The number of ranks is not positive.
    """
    from hyperopt_app.ranks.launching import launch

    return launch(function, ranks, *arguments)


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
