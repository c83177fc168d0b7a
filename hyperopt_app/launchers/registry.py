# SPDX-License-Identifier: MIT
"""What the sweep wants to know of a launcher: its faults, its script, and where its workers run."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hyperopt_app.errors import ConfigError
from hyperopt_app.launchers.fields import field_faults
from hyperopt_app.schedulers.gpu_slots import Sharing

__all__ = ["CLEAN", "IN_DRIVER", "IN_DRIVERS_JOB", "launcher_faults", "launcher_name", "launcher_script"]

# Their workers write into files and leave the terminal to the driver.
CLEAN = ("LocalWorkersLauncher", "LocalLauncher", "PbsWorkersLauncher", "SlurmLauncher", "SlurmWorkersLauncher")
IN_DRIVER = ("BasicLauncher",)
_SUBMIT = ("ByHandLauncher", "PbsWorkersLauncher", "SlurmWorkersLauncher")
# Their workers run on the driver's machine, inside the driver's own job if it has one, and share its end.
IN_DRIVERS_JOB = ("BasicLauncher", "JoblibLauncher", "LocalLauncher", "LocalWorkersLauncher")


def launcher_faults(config: DictConfig) -> list[str]:
    """What is wrong with the fields of a launcher, or with submitting by one that submits nothing."""
    settings, name = _settings(config), launcher_name(config)
    faults = field_faults(name, settings)
    is_class = "." in str(settings.get("_target_"))  # else that is the fault
    if settings.get("detach") and name not in _SUBMIT and is_class:
        told = f"{name} starts workers that end with this command, so there is nothing to submit"
        way = "choose hydra/launcher=slurm_workers or pbs_workers, or search without submit"
        faults.append(f"hydra.launcher.detach: {told}; {way}")
    try:
        if name == "SlurmWorkersLauncher":
            from hyperopt_app.launchers.slurm import header_faults, sharing_of

            faults += header_faults(settings)
            sharing_of(settings).workers_per_job()
        if name == "SlurmLauncher":
            from hyperopt_app.launchers.slurm import stock_faults

            faults += stock_faults(settings)
        if name == "PbsWorkersLauncher":
            from hyperopt_app.launchers import pbs

            faults += pbs.header_faults(settings)
            pbs.sharing_of(settings).workers_per_job()
        if name == "ByHandLauncher":
            slots = {key: int(settings[key]) for key in ("workers_per_gpu", "gpus_per_trial")}
            Sharing(**slots).workers_per_job()
    except ConfigError as error:
        faults += error.faults
    return list(dict.fromkeys(faults))


def launcher_script(config: DictConfig, study_dir: Path, workers: int) -> str:
    """The exact script that a launcher would submit; of a launcher that submits none, or its own, one line."""
    settings = _settings(config)
    payload = study_dir / "launches" / "0" / "payload.pkl"
    if launcher_name(config) == "SlurmWorkersLauncher":
        from hyperopt_app.launchers.slurm import script, sharing_of

        return script(settings, payload, -(-workers // sharing_of(settings).workers_per_job()))
    if launcher_name(config) == "PbsWorkersLauncher":
        from hyperopt_app.launchers import pbs

        jobs = range(-(-workers // pbs.sharing_of(settings).workers_per_job()))
        return "\n".join(pbs.script(settings, payload, number) for number in jobs)
    return f"# {workers} worker(s) through {launcher_name(config)}, which writes no script of ours"


def launcher_name(config: DictConfig) -> str:
    """The class of the launcher that a config names."""
    return str(config.hydra.launcher["_target_"]).rsplit(".", 1)[-1]


def _settings(config: DictConfig) -> dict[str, Any]:
    node: Any = OmegaConf.to_container(config.hydra.launcher, resolve=True)
    return dict(node)
