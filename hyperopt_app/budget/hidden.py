# SPDX-License-Identifier: MIT
"""Give samplers, pruners and reports a view of the study without the trials that are set aside; parked ones as pruned.

Optuna's classes read a study's trials in many ways (Hyperband builds its own studies from the storage), so this
replaces the storage, which all of them use. The stored study does not change.
"""

import copy
import math
from collections.abc import Collection, Container
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.study.trial_facts import is_parked, last_value

__all__ = ["whole", "without"]


def without(study: optuna.Study, hidden: Collection[int], *, parked_are_pruned: bool = False) -> optuna.Study:
    """Return a view of the study without some of its trials; writes go to the study itself.

    Args:
        study: An open study.
        hidden: The numbers of the trials.
        parked_are_pruned: Whether parked trials look as if they had been pruned at their last step. With neither it is
            the study itself.
    """
    if not hidden and not parked_are_pruned:
        return study
    view = copy.copy(study)
    view._storage = _Storage(study._storage, frozenset(hidden), parked_are_pruned)  # type: ignore[assignment]
    return view


def whole(study: optuna.Study) -> optuna.Study:
    """Return the study behind a view that `without` has made."""
    if not isinstance(study._storage, _Storage):
        return study
    view = copy.copy(study)
    view._storage = study._storage.all_of_it
    return view


def _as_pruned(trial: FrozenTrial) -> FrozenTrial:
    """Return a parked trial as it would look if it had been pruned at its last step."""
    pruned, last = copy.copy(trial), last_value(trial)
    pruned.state = TrialState.PRUNED
    pruned.value = None if last is None or math.isnan(last) else last
    return pruned


class _Storage:
    """A storage that leaves out some trials, and may show parked ones as pruned."""

    def __init__(self, storage: Any, hidden: frozenset[int], parked_are_pruned: bool = False) -> None:
        self.all_of_it = storage
        self._hidden = hidden
        self._parked_are_pruned = parked_are_pruned

    def __getattr__(self, name: str) -> Any:
        """Forward to the storage."""
        if name.startswith("__") or name == "all_of_it":
            raise AttributeError(name)
        return getattr(self.all_of_it, name)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials that are not hidden."""
        asked = None if self._parked_are_pruned else states
        trials = self.all_of_it.get_all_trials(study_id, deepcopy=deepcopy, states=asked)
        seen = [trial for trial in trials if trial.number not in self._hidden]
        if self._parked_are_pruned:
            seen = [_as_pruned(trial) if is_parked(trial) else trial for trial in seen]
        return seen if states is None else [trial for trial in seen if trial.state in states]

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """Return the best of them; among equal ones the first, as in every storage."""
        complete = self.get_all_trials(study_id, deepcopy=False, states=(TrialState.COMPLETE,))
        if not complete:
            raise ValueError("No trials are completed yet.")
        (direction,) = self.all_of_it.get_study_directions(study_id)
        sign = -1.0 if direction == StudyDirection.MAXIMIZE else 1.0
        return copy.deepcopy(min(complete, key=lambda trial: sign * float(trial.value or 0.0)))
