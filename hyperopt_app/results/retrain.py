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
from hyperopt_app.space.override_text import override_text, quoted_text
from hyperopt_app.study.plan import Plan

__all__ = ["further_results", "retrain_command", "trial_overrides"]

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
    """The shell command that trains once with a trial's parameters."""
    fixed = [line for line in plan.space.fixed if not is_preset(line)]
    words = (*fixed, *trial_overrides(plan, trial.params), *_suggested(plan, trial.params))
    return f"{plan.program} {shlex.join(words)}"


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
