# SPDX-License-Identifier: MIT
"""The protocol `TaskHooks`: what a Hydra app can do for a sweep besides running its task."""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import optuna
    from omegaconf import DictConfig

__all__ = ["TaskHooks", "hooks_of"]


@runtime_checkable
class TaskHooks(Protocol):
    """Methods that the sweeper calls on the task function if it has them.

    Derive from it a class with a method `__call__(self, cfg)`, override what the app needs, and hand an instance to
    `hydra.main` in the place of a function. A class that does not derive from it counts if it has all four methods.
    Workers and trials get a pickled copy of the instance.
    """

    def preflight(self, config: "DictConfig") -> Sequence[str]:
        """Return what is wrong with the config, one line each; then nothing is started. Runs in the driver.

        Args:
            config: The composed config of the whole command, with its `hydra` node.
        """
        return ()

    def preload(self, config: "DictConfig") -> Sequence[str]:
        """Return names of modules that the processes of isolated trials import before they start. Runs in workers.

        Args:
            config: As for `preflight`.
        """
        return ()

    def write_results(self, study: "optuna.Study", study_dir: Path, config: "DictConfig") -> None:
        """Write result files of the app's own. Runs in workers after trials, and in the driver at the end.

        One process at a time calls it, seldom if it takes long. An exception is logged and does not end the study.

        Args:
            study: The study; only to be read.
            study_dir: Its directory.
            config: As for `preflight`.
        """
        return

    def suggested_key(self, config: "DictConfig") -> str | None:
        """Return the key by which a training alone is given the values that the task has suggested in a trial.

        The command that trains a trial again sets that key to a mapping of names to values. Runs in the driver.

        Args:
            config: As for `preflight`.

        Returns:
            A key of the config, or None if the task suggests nothing or takes no such values.
        """
        return None


class _NoHooks(TaskHooks):
    """The hooks of a plain function."""


def hooks_of(task_function: Callable[[Any], Any]) -> TaskHooks:
    """The hooks of a task function, also under decorators that use `functools.wraps`; without any, the defaults."""
    task = inspect.unwrap(task_function, stop=lambda inner: isinstance(inner, TaskHooks))
    return task if isinstance(task, TaskHooks) else _NoHooks()
