# SPDX-License-Identifier: MIT
"""Run one trial of a command in a scratch study, as a search would, and see what it returns and reports."""

import copy
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, flag_override
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.config.launchers import LocalWorkersConf
from hyperopt_app.doctor.check_result import CheckResult, ok
from hyperopt_app.doctor.composing import SearchCommand, recomposed
from hyperopt_app.driver.request import Request
from hyperopt_app.driver.sweep import sweep
from hyperopt_app.errors import HyperoptError
from hyperopt_app.hydra_compat import answering_hydra
from hyperopt_app.launchers.registry import launcher_row
from hyperopt_app.looking.opening import study_in
from hyperopt_app.space.override_text import override_text
from hyperopt_app.study.trial_facts import duration_s, failure_kind, failure_text
from hyperopt_app.support.display_text import counted, duration_text, value_text

__all__ = ["Tried", "judged", "tried"]


class Tried(NamedTuple):
    """What a trial that was tried has shown.

    Attributes:
        results: The answers.
        seconds: How long it took; None if it did not come to its end.
    """

    results: list[CheckResult]
    seconds: float | None = None


def tried(command: SearchCommand, request: Request, limit_s: float) -> Tried:
    """Run one trial on this machine, with the first point of the search, and remove all of it again.

    Args:
        command: The command that is examined.
        request: The checked request.
        limit_s: Seconds after which the trial is ended.
    """
    with tempfile.TemporaryDirectory(prefix="hyperopt-doctor-", ignore_cleanup_errors=True) as folder:
        directory, said = Path(folder), ""
        context, alone = _with_one_trial(command.context, command.config, directory, limit_s)
        try:
            with answering_hydra(alone):
                sweep(context, alone, command.task_function, command.arguments)
        except HyperoptError as error:
            said = str(error)
        trial = _first_trial(directory)
        if trial is None:
            text = f"no trial ran: {said or 'its worker gave no reason'}"
            return Tried([CheckResult("trial", "fault", text, "correct this, and try again")])
        return Tried(list(judged(trial, request, limit_s)), duration_s(trial) if _is_complete(trial) else None)


def _with_one_trial(
    context: HydraContext, config: DictConfig, directory: Path, limit_s: float
) -> tuple[HydraContext, DictConfig]:
    """Compose the command's config with one trial in another directory, on this machine."""
    row = launcher_row(config)
    is_isolated = row.runs_in == "jobs" or (row.isolates and config.hydra.launcher.get("isolation") == "process")
    changes = {
        "hydra.sweep.dir": str(directory),
        "hydra.sweeper.storage": None,
        "hydra.sweeper.study_name": "doctor",
        "hydra.sweeper.n_trials": 1,
        "hydra.sweeper.n_jobs": 1,
        "hydra.sweeper.progress": "none",
        "hydra.sweeper.dry_run": False,
        "hydra.sweeper.trial_timeout": limit_s if is_isolated else None,
    }
    words = [override_text(key, value) for key, value in changes.items()]
    alone = recomposed(context.config_loader, config, words)
    if row.runs_in != "jobs":
        return context, alone
    here = copy.copy(context)
    here.config_loader = _LoaderOfJobsHere.of(context.config_loader, alone.hydra.launcher)
    _set_launcher(alone, OmegaConf.structured(LocalWorkersConf))
    return here, alone


class _LoaderOfJobsHere(ConfigLoaderImpl):
    """Composes the jobs of a command whose launcher was replaced afterwards, which Hydra 1.4 refuses.

    The fields of a scheduler's launcher may stand in the user's files, so no word of a command line replaces it.
    """

    launcher: DictConfig

    @classmethod
    def of(cls, loader: ConfigLoader, launcher: DictConfig) -> "_LoaderOfJobsHere":
        """Return the same loader for a command that was composed with this launcher."""
        here = cls.__new__(cls)
        vars(here).update(vars(loader))
        here.launcher = launcher
        return here

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Compose a job as the command's own launcher would have it, then replace the launcher."""
        before = copy.deepcopy(master_config)
        _set_launcher(before, self.launcher)
        job = super().load_sweep_config(before, sweep_overrides)
        _set_launcher(job, master_config.hydra.launcher)
        return job


def _set_launcher(config: DictConfig, launcher: DictConfig) -> None:
    with flag_override(config.hydra, ["readonly", "struct"], [False, False]):
        config.hydra.launcher = copy.deepcopy(launcher)


def _first_trial(directory: Path) -> FrozenTrial | None:
    try:
        trials = study_in(directory, reading=True).get_trials(deepcopy=False)
    except HyperoptError:
        return None
    begun = [trial for trial in trials if trial.state != TrialState.WAITING]
    return begun[0] if begun else None


def judged(trial: FrozenTrial, request: Request, limit_s: float) -> Iterator[CheckResult]:
    """Say what a trial has shown.

    Args:
        trial: The trial.
        request: The checked request.
        limit_s: Seconds after which it was ended.
    """
    reports = counted(len(trial.intermediate_values), "value")
    if _is_complete(trial):
        names = request.settings.objective_names or tuple(f"value {number}" for number in range(len(trial.values)))
        values = ", ".join(f"{name}={value_text(value)}" for name, value in zip(names, trial.values, strict=False))
        took = duration_text(duration_s(trial) or 0.0)
        yield ok("trial", f"one trial took {took}, returned {values} and reported {reports}")
        yield from _silent(trial, request)
    elif trial.state == TrialState.PRUNED:
        yield ok("trial", f"one trial was pruned after {reports}")
    elif failure_kind(trial) != "timeout":
        text = f"one trial failed: {failure_text(trial) or 'it gave no reason'}"
        yield CheckResult("trial", "fault", text, "correct the objective or its config")
    elif trial.intermediate_values:
        yield ok("trial", f"one trial had reported {reports} after {limit_s:g} s, and was ended")
    else:
        text = f"one trial had neither ended nor reported a value after {limit_s:g} s, and was ended"
        yield CheckResult("trial", "warning", text, "give --try more seconds, or add words that shorten the training")


def _silent(trial: FrozenTrial, request: Request) -> Iterator[CheckResult]:
    """Warn of a pruner that the user has chosen and that gets no reports."""
    settings = request.settings
    kind = str(settings.pruner.get("_target_", "")).rpartition(".")[2]
    if trial.intermediate_values or "pruner" in settings.automatic or kind in ("", "NopPruner"):
        return
    text = f"the trial reported no value, so {kind} cannot end bad trials early"
    yield CheckResult("reports", "warning", text, "call hyperopt_app.report, or set hydra/sweeper/pruner=nop")


def _is_complete(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE
