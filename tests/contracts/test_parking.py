# SPDX-License-Identifier: MIT
"""Trials that wait at rungs, go on or are pruned at the end, while workers race and are killed, on every storage."""

from collections import Counter
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.sampling.promotion import PromotePruner
from hyperopt_app.study.records.trial_records import promotion_of
from hyperopt_app.study.trial_facts import state_words
from tests.contracts._parked import EPOCHS
from tests.contracts.conftest import Place, Programs
from tests.unit._made_tickets import claimed, hand
from tests.unit.budget._made_parking import trained


def test_one_opening_of_a_storage_takes_again_what_it_has_parked(place: Place) -> None:
    """A worker parks a trial, another takes and parks it at the next rung, and the first takes it from there."""
    study = place.create(5)
    study.pruner = PromotePruner()
    worker = hand(study)
    for value in (0.1, 0.2, 0.3):
        trained(worker, claimed(worker), value)
    other = hand(optuna.load_study(study_name="contract", storage=place.open(), pruner=PromotePruner()), 1)
    again = claimed(other)
    assert again.number == 0
    trained(other, again, 0.1)
    while (trial := claimed(worker)).number:
        trained(worker, trial, 0.5 + trial.number / 100)
    assert trained(worker, trial, 0.1) is not None
    last = place.open().get_trial(trial._trial_id)
    assert (last.number, last.state, len(last.intermediate_values)) == (0, TrialState.COMPLETE, EPOCHS)


def _no_step_was_trained_behind_a_checkpoint(notes: Path) -> None:
    saved = trained = 0
    for word, step in (line.split() for line in notes.read_text().splitlines()):
        # A worker that is killed after it has written a checkpoint leaves no line of that.
        assert word == "saved" or saved < int(step) <= trained + 1, notes
        trained, saved = int(step), int(step) if word == "saved" else saved


def _judged(trials: list[FrozenTrial], n_trials: int, folder: Path) -> None:
    assert [trial.number for trial in trials] == list(range(n_trials))
    words = Counter(state_words(trials))
    assert words.keys() <= {"complete", "pruned", "failed"}, "none is left over, parked, waiting or running"
    assert words["failed"] <= n_trials // 30, "a trial fails if three of its workers were killed"
    assert words["complete"] >= 1
    for trial in trials:
        steps = sorted(trial.intermediate_values)
        assert steps == list(range(1, len(steps) + 1))
        if trial.state == TrialState.PRUNED:
            promotion = promotion_of(trial)
            assert promotion is not None
            assert promotion["is_parked"]
            assert trial.value == trial.intermediate_values[promotion["step"]]
        _no_step_was_trained_behind_a_checkpoint(folder / f"{trial.number}.txt")


@pytest.mark.parametrize("shared_place", ["journal"], indirect=True)
def test_racing_workers_that_park_and_promote_and_are_killed(shared_place: Place, run_program: Programs) -> None:
    """The budget is exact, curves are whole, no step behind a checkpoint is trained twice."""
    assert run_program("park", *shared_place.arguments(), 9, 2) >= 1
    study = optuna.load_study(study_name="contract", storage=shared_place.open())
    _judged(study.get_trials(), 9, shared_place.study_dir)


@pytest.mark.nightly
@pytest.mark.timeout(3600)  # with SQLite each write waits for the disk
def test_the_same_on_every_storage_with_many_trials(shared_place: Place, run_program: Programs) -> None:
    """Of which only a part waits at a time."""
    assert run_program("park", *shared_place.arguments(), 300, 60) >= 30
    study = optuna.load_study(study_name="contract", storage=shared_place.open())
    _judged(study.get_trials(), 300, shared_place.study_dir)
