# SPDX-License-Identifier: MIT
"""A study whose trials wait at the steps 3 and 9, trainings of it without processes; no test stands here."""

import json
from collections.abc import Mapping
from pathlib import Path

import optuna
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.objective.outcomes import Completed, Outcome, Parked
from hyperopt_app.sampling.promotion import PromotePruner
from hyperopt_app.study.trial_facts import state_words
from tests.unit._made_tickets import study_with

EPOCHS = 12


def parking_study(n_trials: int, storage: BaseStorage | None = None) -> optuna.Study:
    """A new study of so many tickets, in which small values are good."""
    study = study_with(n_trials, storage)
    study.pruner = PromotePruner()
    return study


def trained(hand: Tickets, trial: optuna.Trial, value: float, epochs: int = EPOCHS) -> Outcome | None:
    """Train from where the trial stands, and settle it; None if its worker died, as it were, after so many epochs."""
    begin = len(trial.study._storage.get_trial(trial._trial_id).intermediate_values)
    for step in range(begin + 1, EPOCHS + 1):
        if step > begin + epochs:
            return None
        trial.report(value, step)
        if step < EPOCHS and hand.parks(trial):
            outcome: Outcome = Parked()
            break
    else:
        outcome = Completed((value,))
    assert hand.settle(trial, outcome)
    return outcome


def words(study: optuna.Study) -> dict[int, str]:
    """What has become of each trial, by number."""
    return dict(enumerate(state_words(study.get_trials(deepcopy=False))))


def curves(study: optuna.Study) -> Mapping[int, list[int]]:
    """The steps of each trial's curve, by number."""
    return {trial.number: sorted(trial.intermediate_values) for trial in study.get_trials(deepcopy=False)}


def with_checkpoint(study: optuna.Study, number: int, folder: Path) -> Path:
    """Make a trial's directory, signed, with a checkpoint and another file in it; returns the directory."""
    trial, directory = study.get_trials(deepcopy=False)[number], folder / str(number)
    directory.mkdir()
    owner = {"study_id": "id", "study_name": study.study_name, "number": number, "attempt": 1}
    (directory / ".hyperopt_trial.json").write_text(json.dumps(owner))
    for name in ("last.ckpt", "best.ckpt"):
        (directory / name).write_text("state")
    study._storage.set_trial_user_attr(trial._trial_id, "directory", str(directory))
    assert trial.state == TrialState.WAITING
    return directory
