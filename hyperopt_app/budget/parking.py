# SPDX-License-Identifier: MIT
"""Decide which trials wait at rungs, which of them go on, and when those that wait are over.

The rule is that of the pruner `promote` (`sampling.promotion`); `tickets` stores what is decided here. A parked trial
is a waiting ticket with its number, parameters, curve, directory and checkpoint. It goes on as soon as it is among the
best of its rung, which whoever claims a ticket reads from the stored curves. One more trial at a rung lets at most one
parked trial go on, and only if that trial parks itself, so its own worker is there to take it: workers that find no
ticket need not wait for a promotion.
"""

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from hyperopt_app.budget.counting import budget_size
from hyperopt_app.objective.trial import CHECKPOINT
from hyperopt_app.sampling.promotion import PromotePruner
from hyperopt_app.study.identity import study_id
from hyperopt_app.study.records.forms import PromotionRecord
from hyperopt_app.study.records.study_records import has_checkpoints, keep_has_checkpoints
from hyperopt_app.study.records.trial_records import directory_of, promotion_of
from hyperopt_app.study.trial_directory import Owner, owner_of
from hyperopt_app.study.trial_facts import is_parked

__all__ = [
    "hear_of_checkpoints",
    "over",
    "promotable",
    "reached",
    "remove_checkpoint",
    "rule_of",
]

_log = logging.getLogger(__name__)


def rule_of(pruner: BasePruner) -> PromotePruner | None:
    """Return the rule by which trials wait and go on; None where another pruner has been chosen."""
    return pruner if isinstance(pruner, PromotePruner) else None


def hear_of_checkpoints(study: optuna.Study, attributes: Mapping[str, Any]) -> None:
    """Let the rule know whether a trial has announced a checkpoint, from the study's attributes as they were read."""
    rule = rule_of(study.pruner)
    if rule is not None:
        rule.has_checkpoints = rule.has_checkpoints or has_checkpoints(attributes)


def _are_only_parked(trials: Sequence[FrozenTrial], size: int) -> bool:
    """Whether all that is left of a budget is parked: nothing runs, and nothing else waits.

    Args:
        trials: Those of the budget that there are.
        size: How many there are once all tickets are issued.
    """
    return len(trials) >= size and all(trial.state.is_finished() or is_parked(trial) for trial in trials)


def promotable(study: optuna.Study, trials: Sequence[FrozenTrial], n_trials: int) -> list[FrozenTrial]:
    """Return the parked trials that may go on, in the order in which they should: from the highest rung first.

    Where nothing else is left of the budget, the best of each rung may go on, however few have reached it: so a small
    search comes to a complete trial too. Without the pruner `promote` all may go on, as interrupted trials do.

    Args:
        study: The open study.
        trials: Those of the budget.
        n_trials: What the command asks for.
    """
    rule, parked = rule_of(study.pruner), {trial.number: trial for trial in trials if is_parked(trial)}
    if rule is None or not parked:
        return list(parked.values())
    at_least_one = _are_only_parked(trials, budget_size(trials, n_trials))
    rungs = {number: record["rung"] for number, trial in parked.items() if (record := promotion_of(trial))}
    return [
        parked[number]
        for rung in sorted(set(rungs.values()), reverse=True)
        for number in rule.going_on(trials, rung, maximize=_is_maximized(study), at_least_one=at_least_one)
        if rungs.get(number) == rung
    ]


def over(study: optuna.Study, trials: Sequence[FrozenTrial], n_trials: int) -> list[FrozenTrial]:
    """Return the parked trials if nothing else is left of the budget and none of them may go on; arguments as above."""
    if not _are_only_parked(trials, budget_size(trials, n_trials)) or promotable(study, trials, n_trials):
        return []
    return [trial for trial in trials if is_parked(trial)]


def reached(
    study: optuna.Study, trial: FrozenTrial, read_trials: Callable[[], Sequence[FrozenTrial]], n_trials: int
) -> PromotionRecord | None:
    """Return the rung that a running trial has just reached, and whether it parks there; None if it has reached none.

    A trial that is among the best of its rung goes on at once, which saves it a new start. That the study has
    checkpoints is stored with the first.

    Args:
        study: The open study.
        trial: The trial, at a checkpoint.
        read_trials: Reads those of the budget.
        n_trials: What the command asks for.
    """
    rule, before = rule_of(study.pruner), promotion_of(trial)
    if rule is None:
        return None
    if not rule.has_checkpoints:
        rule.has_checkpoints = True
        keep_has_checkpoints(study)
    passed = -1 if before is None else before["rung"]
    if len(study.directions) > 1 or not rule.may_be_at_a_rung(trial, passed):
        return None
    trials = read_trials()
    rung = rule.rung_of(trials, trial, passed)
    if rung is None:
        return None
    others = [other for other in trials if other.number != trial.number]
    at_least_one = _are_only_parked(others, budget_size(trials, n_trials) - 1)
    going_on = rule.going_on(trials, rung, maximize=_is_maximized(study), at_least_one=at_least_one)
    step = max(trial.intermediate_values)
    return PromotionRecord(rung=rung, step=step, is_parked=trial.number not in going_on)


def _is_maximized(study: optuna.Study) -> bool:
    return study.direction == StudyDirection.MAXIMIZE


def remove_checkpoint(study: optuna.Study, trial: FrozenTrial) -> None:
    """Remove the checkpoint that a parked trial has announced, once the trial has ended; nothing else is touched.

    It stays where the directory is not that of the trial, or cannot be written from here.

    Args:
        study: The open study.
        trial: A trial that was parked, and will not go on.
    """
    stored = directory_of(trial)
    if stored is None:
        return
    owner = Owner(study_id(study), study.study_name, trial.number)
    with contextlib.suppress(OSError):
        if owner.is_trial_of(owner_of(Path(stored))):
            Path(stored, CHECKPOINT).unlink()
            _log.debug("trial %d: its checkpoint is removed, since it will not go on", trial.number)
