# SPDX-License-Identifier: MIT
"""Check that the config of a command composes in every branch, that its objective imports, and the study's settings.

All of it is the preflight of a search; this module makes one answer of each of its errors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import CategoricalDistribution

from hyperopt_app.config.command_line import hydra_words, task_words
from hyperopt_app.doctor.check_result import CheckResult, ok, result_of_fault
from hyperopt_app.driver.request import Request, checked, idle_methods
from hyperopt_app.errors import ConfigError, HyperoptError
from hyperopt_app.preflight.branches import combinations
from hyperopt_app.space.override_text import value_of_choice
from hyperopt_app.space.space import Space
from hyperopt_app.storage.opening import check_storage
from hyperopt_app.support.display_text import counted
from hyperopt_app.support.wording import HYDRA_WORDING

__all__ = ["SearchCommand", "config_results", "recomposed"]


@dataclass(frozen=True)
class SearchCommand:
    """The command that is examined, as Hydra hands it to the sweeper.

    Attributes:
        context: Hydra's context.
        config: The composed config of the sweep.
        task_function: The user's function.
        arguments: The overrides of the command line but those of `hydra.`.
    """

    context: HydraContext
    config: DictConfig
    task_function: Callable[[Any], Any]
    arguments: Sequence[str]


def config_results(command: SearchCommand) -> tuple[list[CheckResult], Request | None]:
    """Run the preflight of a search.

    Returns:
        The answers; and the request, None where it has a fault.
    """
    config, loader = command.config, command.context.config_loader
    unmade = _unmade_database(config)
    examined = recomposed(loader, config, ["hydra.sweeper.dry_run=true"]) if unmade else config
    try:
        request = checked(command.context, examined, command.task_function, command.arguments)
        if unmade:
            check_storage(unmade, request.study_dir)
    except ConfigError as error:
        return [result_of_fault(fault) for fault in error.faults], None
    except HyperoptError as error:
        return [result_of_fault(str(error))], None
    branches = _branches(request.space, loader)
    searched = counted(len(request.space.distributions), "searched key")
    results = [
        ok("config", f"it composes with {counted(branches, 'combination')} of options, with {searched}"),
        ok("objective", _imported(config, command.task_function)),
    ]
    idle = idle_methods(request.settings, HYDRA_WORDING).values()
    results += [CheckResult("methods", "warning", note, "choose others, see docs/search.md") for note in idle]
    others = [note for note in request.notes if note not in {*idle, *request.earlier.notes}]
    return [*results, *map(_of_note, others)], request


def _of_note(note: str) -> CheckResult:
    """Convert a note of the preflight, which a search logs, to a warning."""
    text, _, remedy = note.partition(". What helps, ")
    return CheckResult("command", "warning", text, remedy or "change the command or the config so")


def recomposed(loader: ConfigLoader, config: DictConfig, words: Sequence[str]) -> DictConfig:
    """Compose the config of the same command with further words."""
    all_words = [*task_words(config), *hydra_words(config), *words]
    composed = loader.load_configuration(config.hydra.job.config_name, all_words, run_mode=RunMode.MULTIRUN)
    composed.hydra.mode = RunMode.MULTIRUN
    return composed


def _unmade_database(config: DictConfig) -> str:
    """Return the URL of an SQLite file that is not there, which the preflight must not open, or it would make it."""
    storage = str(OmegaConf.select(config, "hydra.sweeper.storage") or "")
    kind, _, rest = storage.partition(":///")
    return storage if kind.startswith("sqlite") and not Path(rest.partition("?")[0]).exists() else ""


def _branches(space: Space, loader: ConfigLoader) -> int:
    """Return with how many combinations of options the preflight has composed the config at least."""
    groups = {
        key: [value_of_choice(choice) for choice in distribution.choices]
        for key, distribution in space.distributions.items()
        if isinstance(distribution, CategoricalDistribution) and "." not in key and loader.get_group_options(key)
    }
    return len(combinations(space, groups)[0])


def _imported(config: DictConfig, task_function: Callable[[Any], Any]) -> str:
    target = OmegaConf.select(config, "objective._target_")
    name = target or f"the program's function {getattr(task_function, '__name__', 'of its own')}"
    return f"{name} can be imported"
