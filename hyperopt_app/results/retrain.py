# SPDX-License-Identifier: MIT
"""Build the command that retrains a trial, store its parts in the study, and call the objective's `write_results`."""

import logging
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import optuna
from omegaconf import DictConfig
from optuna.trial import FrozenTrial

from hyperopt_app.config.presets import is_preset
from hyperopt_app.config.seeding import command_with_seed
from hyperopt_app.objective.task_hooks import hooks_of
from hyperopt_app.repeats.settings import read_repeats
from hyperopt_app.sampling.seeds import training_seed
from hyperopt_app.space.override_text import quoted_text
from hyperopt_app.space.space import Space
from hyperopt_app.space.trial_overrides import Searched, chooses_seed, trial_overrides
from hyperopt_app.study.identity import stored_identity
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.records.study_records import keep_retrain_record, retrain_record
from hyperopt_app.study.records.trial_records import directory_of, reads_seed, seed_of
from hyperopt_app.support.passwords import mask_password

__all__ = [
    "HowToTrain",
    "further_results",
    "keep_retrain",
    "kept_retrain",
    "retrain_command",
]

_log = logging.getLogger(__name__)


class HowToTrain(Searched, Protocol):
    """The parts of the command that retrains a trial; each as in `study.plan.Plan`."""

    @property
    def program(self) -> str: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def suggested_key(self) -> str | None: ...  # noqa: D102
    @property
    def seed_key(self) -> bool: ...  # noqa: D102
    @property
    def repeats(self) -> Mapping[str, Any] | str: ...  # noqa: D102 - the setting, or its text in the study


@dataclass(frozen=True)
class _Kept:
    program: str
    space: Space
    seed: int
    custom_search_space: str | None
    suggested_key: str | None
    seed_key: bool
    repeats: str


def keep_retrain(study: optuna.Study, plan: Plan) -> None:
    """Store in the study how its trials are retrained, for commands without a plan. Runs in the driver."""
    kept = {
        "program": plan.program,
        "custom_search_space": plan.custom_search_space,
        "suggested_key": plan.suggested_key,
        "seed_key": plan.seed_key,
    }
    keep_retrain_record(study, kept)


def kept_retrain(study: optuna.Study) -> HowToTrain | None:
    """Return what `keep_retrain` has stored; None in a study of an older release."""
    kept, identity = retrain_record(study), stored_identity(study)
    if kept is None or identity is None:
        return None
    return _Kept(space=identity.space, seed=identity.seed, repeats=identity.repeats, **kept)


def retrain_command(plan: HowToTrain, trial: FrozenTrial) -> str:
    """Return the shell command that trains once with a trial's parameters and its seed.

    The seed is in the environment, for `current_seed` and our seeding of the libraries; and in the config's own key
    `seed` too, if that is there and the objective has taken it for the trial's seed. It is for terminals and for files
    that others may read, so a URL in it comes without its password.
    """
    fixed = [line for line in plan.space.fixed if not is_preset(line)]
    words = [*fixed, *trial_overrides(plan, trial.params), *_suggested(plan, trial.params)]
    words = [mask_password(word, is_prose=False) for word in words]
    seed = _seed(plan, trial)
    if seed is None:
        return f"{plan.program} {shlex.join(words)}".rstrip()
    is_chosen = chooses_seed(plan, trial.params)
    is_own = plan.seed_key and reads_seed(trial) and not is_chosen
    # Each repeat has its seed in that key, also one that failed.
    if is_own or (_is_repeated(plan.repeats) and (plan.seed_key or is_chosen)):
        words.append(f"seed={seed}")
    return command_with_seed(f"{plan.program} {shlex.join(words)}".rstrip(), seed)


def _is_repeated(repeats: Mapping[str, Any] | str) -> bool:
    return bool(repeats) if isinstance(repeats, str) else read_repeats(repeats) is not None


def _seed(plan: HowToTrain, trial: FrozenTrial) -> int | None:
    """Return the seed of a trial's training; None for a trial that another tool ran."""
    stored = seed_of(trial)
    if stored is None and directory_of(trial) is not None:
        return training_seed(plan.seed, trial.number)  # run by a release that did not write it down
    return stored


def _suggested(plan: HowToTrain, params: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the override that passes the objective what it suggested itself; empty if it suggested nothing."""
    if plan.suggested_key is None or plan.custom_search_space:
        return ()
    own = {name: value for name, value in params.items() if name not in plan.space.parameters}
    return (f"+{plan.suggested_key}={quoted_text(own)}",) if own else ()


def further_results(
    task_function: Callable[[Any], Any], config: DictConfig, study_dir: Path, study: optuna.Study
) -> None:
    """Let the task function write its own result files, if it has any. Runs in workers and in the driver."""
    try:
        hooks_of(task_function).write_results(study, study_dir, config)
    except Exception as error:  # noqa: BLE001 - the user's code; the study is not affected
        _log.warning("The objective's own result files could not be written: %s: %s", type(error).__name__, error)
        _log.debug("Writing them failed.", exc_info=True)
