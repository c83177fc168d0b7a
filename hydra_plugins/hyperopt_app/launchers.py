# SPDX-License-Identifier: MIT
"""The launcher classes that Hydra discovers; their implementation is imported when jobs start."""

import sys
from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.errors import CompactHydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from hyperopt_app.config.command_line import hydra_words
from hyperopt_app.config.launchers import SCHEMAS, ClusterWorkersConf, WorkersConf, target_of
from hyperopt_app.config.presets import GROUP, PRESETS
from hyperopt_app.config.store import register, register_presets

# Beside them there is a class for each schema of a scheduler: `SlurmWorkersLauncher` and the like.
__all__ = ["ByHandLauncher", "LocalWorkersLauncher"]


class _Launcher(Launcher):
    """Base of our launchers; stores Hydra's arguments."""

    def __init__(self, **settings: Any) -> None:
        """Keep the settings."""
        self.settings = settings
        self.config: DictConfig | None = None
        self.task_function: TaskFunction | None = None
        self.hydra_context: HydraContext | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra gives; refuse to serve a sweeper that a preset of ours did not mean."""
        _check_preset(config)
        self.config, self.task_function, self.hydra_context = config, task_function, hydra_context

    def _arguments(self) -> tuple[HydraContext, DictConfig, TaskFunction]:
        if self.config is None or self.task_function is None or self.hydra_context is None:
            raise RuntimeError("setup() comes before launch()")
        return self.hydra_context, self.config, self.task_function

    def _plain(self) -> Any:
        # Hydra has resolved the texts; once more, and an escaped ${ in one would be an interpolation.
        return {
            name: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            for name, value in self.settings.items()
        }


def _check_preset(config: DictConfig) -> None:
    """Refuse a preset of ours after which a config such as `+experiment=...` chose another sweeper."""
    hydra = config.hydra
    preset, sweeper = hydra.runtime.choices.get(GROUP), hydra.runtime.choices.get("hydra/sweeper")
    is_typed = any(word.startswith("hydra/sweeper=") for word in hydra_words(config))
    is_stock = hydra.sweeper is not None and str(hydra.sweeper.get("_target_")).endswith(".OptunaSweeper")
    if preset in PRESETS and is_stock and not is_typed:
        raise CompactHydraException(
            f"+{GROUP}={preset}: a config that stands after it on the command line chooses hydra/sweeper: {sweeper}, "
            f"and the last one counts; nothing was started. Write +{GROUP}={preset} as the last word."
        )


class LocalWorkersLauncher(_Launcher):
    """Runs jobs as processes of this machine; `hyperopt_app.config.launchers.LocalWorkersConf` has the fields."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs and return when all have ended; a job whose process died is a failed one."""
        from hyperopt_app.launchers.local import LocalProcesses

        settings = self._plain()
        names = ("max_parallel", "gpus", "workers_per_gpu", "gpus_per_trial", "grace_s")
        settings = {name: settings[name] for name in names}
        processes = LocalProcesses(*self._arguments(), **settings)
        return processes.launch(job_overrides, initial_job_idx)


class _ClusterLauncher(_Launcher):
    """Runs the workers of our sweeper as jobs of a scheduler; the base of a class for each of them.

    Attributes:
        scheduler: Its name in `hyperopt_app.schedulers.registry`.
    """

    scheduler = ""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Submit the workers; attached, return when they have ended; detached, at once."""
        from hyperopt_app.launchers.cluster import launch

        return launch(*self._arguments(), job_overrides, self._plain(), self.scheduler)


class ByHandLauncher(_Launcher):
    """Prints how to start the workers; `hyperopt_app.config.launchers.ByHandConf` has the fields."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Freeze the sweep, print the command and come back."""
        from hyperopt_app.launchers.by_hand import launch

        return launch(*self._arguments(), job_overrides, self._plain())


def _class_of(option: str, schema: type[WorkersConf]) -> type[_ClusterLauncher]:
    """Return the launcher that has these fields, such as `SlurmWorkersLauncher`, by a name in this module."""
    module, _, name = target_of(schema).rpartition(".")
    members = {"__module__": module, "__doc__": schema.__doc__, "scheduler": option.removesuffix("_workers")}
    return type(name, (_ClusterLauncher,), members)


for _option, _schema in SCHEMAS.items():
    if issubclass(_schema, ClusterWorkersConf):
        globals()[target_of(_schema).rpartition(".")[2]] = _class_of(_option, _schema)
register()
register_presets(sys.argv[1:])
