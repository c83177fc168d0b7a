# SPDX-License-Identifier: MIT
"""Run all checks of `hyperopt-app doctor` in the process of the examined program, and write their answers.

The program is started as for a search; the sweeper then calls `examine_command` instead of searching.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hyperopt_app.doctor.check_result import CheckResult, has_fault, result_of_fault
from hyperopt_app.doctor.composing import SearchCommand, config_results
from hyperopt_app.doctor.folders import folder_results, scratch_folder
from hyperopt_app.doctor.forecast import forecast_results
from hyperopt_app.doctor.gpus import gpu_results
from hyperopt_app.doctor.locks import lock_results, node_lock_results
from hyperopt_app.doctor.scheduler import scheduler_results
from hyperopt_app.doctor.short_trial import Tried, tried
from hyperopt_app.doctor.storage_speed import storage_results
from hyperopt_app.driver.request import Request
from hyperopt_app.errors import HyperoptError
from hyperopt_app.launchers.registry import launcher_row
from hyperopt_app.storage.opening import absolute_storage
from hyperopt_app.support.files import replace_text

__all__ = ["Wishes", "examine", "examine_command"]


@dataclass(frozen=True)
class Wishes:
    """What the user wants to be examined beside the usual.

    Attributes:
        report: The file into which the answers go.
        try_s: For how many seconds a trial is tried; None for none.
        nodes: Whether locks are tested between two nodes.
    """

    report: str = ""
    try_s: float | None = None
    nodes: bool = False


def examine_command(
    context: HydraContext,
    config: DictConfig,
    task_function: Callable[[Any], Any],
    arguments: Sequence[str],
    wishes: str,
) -> None:
    """Examine a command and write the answers as JSON.

    Args:
        context: Hydra's context.
        config: The composed config of the sweep.
        task_function: The user's function.
        arguments: The overrides of the command line but those of `hydra.`.
        wishes: `Wishes` as JSON.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    wanted = Wishes(**json.loads(wishes))
    results = list[CheckResult]()
    try:
        results.extend(examine(SearchCommand(context, config, task_function, arguments), wanted))
    except Exception as error:  # noqa: BLE001 - what the checks before it have seen shall be read all the same
        text = f"the examination ended early: {type(error).__name__}: {' '.join(str(error).split())}"
        results.append(CheckResult("doctor", "fault", text, "if the command itself works, report this as a bug"))
    replace_text(Path(wanted.report), json.dumps([asdict(result) for result in results]), mode=0o600)


def examine(command: SearchCommand, wishes: Wishes) -> Iterator[CheckResult]:
    """Run all checks, those of the config first; one that fails keeps none of the others from running.

    Args:
        command: The command that is examined.
        wishes: What is examined beside the usual.
    """
    config = command.config
    results, request = config_results(command)
    yield from results
    try:
        directory = Path(str(config.hydra.sweep.dir)).absolute()
        storage = absolute_storage(OmegaConf.select(config, "hydra.sweeper.storage"), Path.cwd())
        launcher: Any = OmegaConf.to_container(config.hydra.launcher, resolve=True)
        n_jobs = int(config.hydra.sweeper.n_jobs)
    except (OmegaConfBaseException, HyperoptError, ValueError, TypeError, AttributeError) as error:
        if not has_fault(results):
            yield result_of_fault(" ".join(str(error).split()))
        return
    faulty = {result.check for result in results if result.verdict == "fault"}
    if "directory" not in faulty:
        yield from _of_directory(directory, launcher, wishes)
    if not faulty & {"directory", "storage"}:
        yield from storage_results(storage, directory)
    row = launcher_row(config)
    if "launcher" not in faulty:
        yield from scheduler_results(config, directory, n_jobs)
    yield from gpu_results(launcher.get("gpus") or (), has_jobs=row.runs_in == "jobs")
    trial = Tried([])
    if wishes.try_s is not None:
        trial = _tried(command, request, wishes.try_s)
    yield from trial.results
    if request is not None:
        settings = request.settings
        yield from forecast_results(
            directory, storage, request.study_name, request.n_trials, settings.budget, trial.seconds
        )


def _of_directory(directory: Path, launcher: dict[str, Any], wishes: Wishes) -> Iterator[CheckResult]:
    try:
        with scratch_folder(directory) as scratch:
            yield from folder_results(directory, scratch)
            yield from lock_results(directory, scratch)
            if wishes.nodes:
                yield from node_lock_results(launcher, directory, scratch)
    except OSError as error:
        text = f"{error.filename or directory} cannot be made: {os.strerror(error.errno or 0)}"
        yield CheckResult("directory", "fault", text, "set hydra.sweep.dir to a directory that you may write")


def _tried(command: SearchCommand, request: Request | None, limit_s: float) -> Tried:
    if request is None:
        text = "no trial was tried, since the command has faults"
        return Tried([CheckResult("trial", "warning", text, "correct them, then try again")])
    return tried(command, request, limit_s)
