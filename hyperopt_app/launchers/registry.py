# SPDX-License-Identifier: MIT
"""Describe what each launcher can do, one row each; the rest of the package asks these rows and no launcher class.

Rows for the launchers of schedulers are derived from `schedulers.registry`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf

from hyperopt_app.config.launchers import SCHEMAS, WorkersConf, target_of
from hyperopt_app.errors import ConfigError
from hyperopt_app.launchers.fields import field_faults
from hyperopt_app.schedulers.gpu_slots import Sharing
from hyperopt_app.schedulers.registry import SCHEDULERS
from hyperopt_app.schedulers.slurm import stock_faults
from hyperopt_app.support.display_text import counted

__all__ = ["LAUNCHERS", "LauncherRow", "launcher_faults", "launcher_names", "launcher_row", "launcher_script"]

Faults = Callable[[Mapping[str, Any]], list[str]]


def _none(_settings: Mapping[str, Any]) -> list[str]:
    return []


@dataclass(frozen=True)
class LauncherRow:
    """What is known of a launcher. The defaults are for launchers of other packages.

    Attributes:
        target: Its class, as `hydra.launcher._target_` names it.
        name: The option of hydra/launcher.
        schema: The fields of a launcher of ours.
        scheduler: The name of the scheduler whose jobs its workers are; empty if nobody can be asked about them.
        runs_in: `driver`: inside the driver, one after the other. `drivers job`: in processes on the driver's machine,
            so inside the driver's own job if it has one, and they share its end. `jobs`: anywhere else.
        keeps_terminal_clean: Whether workers write into files and leave the terminal to the driver.
        isolates: Whether trials can run in processes of their own, and its workers take our signals.
        lingers: Whether the last free worker stays for a trial that runs elsewhere.
        detaches: Whether it can submit workers and come back.
        faults: What is wrong with its fields beyond single values; may raise ConfigError.
    """

    target: str
    name: str = ""
    schema: type[WorkersConf] | None = None
    scheduler: str = ""
    runs_in: Literal["driver", "drivers job", "jobs"] = "jobs"
    keeps_terminal_clean: bool = False
    isolates: bool = False
    lingers: bool = False
    detaches: bool = False
    faults: Faults = _none

    @property
    def class_name(self) -> str:
        """Return the class name without its module, for messages."""
        return self.target.rpartition(".")[2]


def _by_hand_faults(settings: Mapping[str, Any]) -> list[str]:
    Sharing(**{key: int(settings[key]) for key in ("workers_per_gpu", "gpus_per_trial")}).workers_per_job()
    return []


def _cluster_faults(scheduler: str) -> Faults:
    def faults(settings: Mapping[str, Any]) -> list[str]:
        row = SCHEDULERS[scheduler]
        wrong = row.faults(settings)
        try:
            row.sharing(settings).workers_per_job()
        except ConfigError as error:
            wrong += error.faults
        return wrong

    return faults


def _ours(name: str, **can: Any) -> LauncherRow:
    schema = SCHEMAS[name]
    return LauncherRow(target_of(schema), name, schema, isolates=True, lingers=True, **can)


_STOCK = "hydra_plugins.hydra_submitit_launcher.submitit_launcher"
LAUNCHERS: tuple[LauncherRow, ...] = (
    _ours("local_workers", runs_in="drivers job", keeps_terminal_clean=True),
    *(
        _ours(
            row.launcher,
            scheduler=row.name,
            keeps_terminal_clean=True,
            detaches=True,
            faults=_cluster_faults(row.name),
        )
        for row in SCHEDULERS.values()
    ),
    _ours("by_hand", detaches=True, faults=_by_hand_faults),
    LauncherRow("hydra._internal.core_plugins.basic_launcher.BasicLauncher", "basic", runs_in="driver"),
    LauncherRow("hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher", "joblib", runs_in="drivers job"),
    LauncherRow(f"{_STOCK}.LocalLauncher", "submitit_local", runs_in="drivers job", keeps_terminal_clean=True),
    LauncherRow(f"{_STOCK}.SlurmLauncher", "submitit_slurm", keeps_terminal_clean=True, faults=stock_faults),
)


def launcher_row(config: DictConfig) -> LauncherRow:
    """Return the row of the launcher that a config names."""
    target = str(config.hydra.launcher["_target_"])
    return next((row for row in LAUNCHERS if row.target == target), LauncherRow(target))


def launcher_names(can: Callable[[LauncherRow], bool], word: str) -> str:
    """List the launchers with a capability, as text with `and` or `or` before the last."""
    *names, last = [row.name for row in LAUNCHERS if can(row)]
    return f"{', '.join(names)} {word} {last}" if names else last


def launcher_faults(config: DictConfig) -> list[str]:
    """Check the fields of a launcher, and whether it can submit if it has to."""
    settings, row = _settings(config), launcher_row(config)
    faults = field_faults(row.schema, settings)
    is_class = "." in row.target  # else that is the fault
    if settings.get("detach") and not row.detaches and is_class:
        why = f"{row.class_name} starts workers that end with this command, so there is nothing to submit"
        names = launcher_names(lambda other: bool(other.scheduler), "or")
        faults.append(f"hydra.launcher.detach: {why}; choose hydra/launcher={names}, or search without submit")
    try:
        faults += row.faults(settings)
    except ConfigError as error:
        faults += error.faults
    return list(dict.fromkeys(faults))


def launcher_script(config: DictConfig, study_dir: Path, workers: int) -> str:
    """Return the exact script that a launcher would submit, or one line if it submits none or its own."""
    row = launcher_row(config)
    if not row.scheduler:
        return f"# {counted(workers, 'worker')} of the launcher {row.name or row.class_name}; no job script"
    from hyperopt_app.launchers.cluster import scripts

    return scripts(row.scheduler, _settings(config), study_dir / "launches" / "0" / "payload.pkl", workers)


def _settings(config: DictConfig) -> dict[str, Any]:
    node: Any = OmegaConf.to_container(config.hydra.launcher, resolve=True)
    return dict(node)
