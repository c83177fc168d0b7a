# SPDX-License-Identifier: MIT
"""The command that trains a trial again, and the result files that an objective writes itself."""

import logging
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
from omegaconf import DictConfig
from optuna.trial import FrozenTrial

from hyperopt_app.config.presets import is_preset
from hyperopt_app.config.seeding import command_with_seed
from hyperopt_app.sampling.seeds import training_seed
from hyperopt_app.space.override_text import override_text, quoted_text
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.trial_records import reads_seed, seed_of
from hyperopt_app.support.passwords import mask_password

__all__ = ["chooses_seed", "further_results", "retrain_command", "trial_overrides"]

_log = logging.getLogger(__name__)


def trial_overrides(plan: Plan, params: Mapping[str, Any]) -> tuple[str, ...]:
    """The overrides that set a trial's parameters; those of a custom search space are plain values.

    What the objective has suggested by itself is no key of the config.
    """
    searched = tuple(override_text(key, value) for key, value in plan.space.values(params).items())
    if not plan.custom_search_space:
        return searched
    known = {*plan.space.parameters, *plan.space.pinned}
    return searched + tuple(f"{key}={quoted_text(value)}" for key, value in params.items() if key not in known)


def retrain_command(plan: Plan, trial: FrozenTrial) -> str:
    """The shell command that trains once with a trial's parameters and its seed.

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
    if plan.seed_key and reads_seed(trial) and not chooses_seed(plan, trial.params):
        words.append(f"seed={seed}")
    return command_with_seed(f"{plan.program} {shlex.join(words)}".rstrip(), seed)


def chooses_seed(plan: Plan, params: Mapping[str, Any]) -> bool:
    """Whether the user himself searches or fixes the config's top-level `seed`."""
    suggested = params if plan.custom_search_space else ()
    return any(key.lstrip("+") == "seed" for key in (*plan.space.distributions, *plan.space.pinned, *suggested))


def _seed(plan: Plan, trial: FrozenTrial) -> int | None:
    """The seed of a trial's training; None for a trial that another tool has run."""
    stored = seed_of(trial)
    if stored is None and "directory" in trial.user_attrs:
        return training_seed(plan.seed, trial.number)  # run by a release that did not write it down
    return stored


def _suggested(plan: Plan, params: Mapping[str, Any]) -> tuple[str, ...]:
    """The override that hands the objective what it suggested by itself; empty if that is nothing."""
    if plan.suggested_key is None or plan.custom_search_space:
        return ()
    own = {name: value for name, value in params.items() if name not in plan.space.parameters}
    return (f"+{plan.suggested_key}={quoted_text(own)}",) if own else ()


def further_results(
    task_function: Callable[[Any], Any], config: DictConfig, study_dir: Path, study: optuna.Study
) -> None:
    """Have the task function write result files of its own, if it has any. Runs in workers and in the driver."""
    write = getattr(task_function, "write_results", None)
    if write is None:
        return
    try:
        write(study, study_dir, config)
    except Exception as error:  # noqa: BLE001 - the user's code; the study is not affected
        _log.warning("The objective's own result files could not be written: %s: %s", type(error).__name__, error)
        _log.debug("Writing them failed.", exc_info=True)
