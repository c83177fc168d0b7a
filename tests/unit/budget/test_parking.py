# SPDX-License-Identifier: MIT
"""Trials that wait at rungs: who parks, who goes on, what others see of them, and how they end."""

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from hyperopt_app.budget.hidden import without
from hyperopt_app.budget.steering import discard, retry
from hyperopt_app.budget.ticket_issue import issue
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.objective.outcomes import Completed, Interrupted, Parked
from hyperopt_app.study.records.study_records import has_checkpoints
from hyperopt_app.study.records.trial_records import promotion_of
from hyperopt_app.study.trial_facts import attempts_of, count_of_attempts, duration_s
from tests.unit._made_tickets import Told, claimed, hand, sampler
from tests.unit.budget._made_parking import EPOCHS, curves, parking_study, trained, with_checkpoint, words


def test_a_trial_parks_at_a_rung_unless_it_is_among_the_best_there() -> None:
    """The first two have nobody to compare with; of three, the third is the best and goes on to the next rung."""
    study = parking_study(4)
    worker = hand(study)
    assert trained(worker, claimed(worker), 0.3) == Parked()
    assert trained(worker, claimed(worker), 0.2) == Parked()
    assert trained(worker, claimed(worker), 0.1) == Parked()
    assert curves(study) == {0: [1, 2, 3], 1: [1, 2, 3], 2: list(range(1, 10)), 3: []}
    assert words(study) == {0: "parked", 1: "parked", 2: "parked", 3: "waiting"}
    assert promotion_of(study.trials[2]) == {"rung": 2, "step": 9, "is_parked": True}
    assert has_checkpoints(study.user_attrs)


def test_a_parked_trial_keeps_all_that_is_known_of_it_and_goes_on_once_it_is_promoted() -> None:
    """Its number, parameter and curve; before new tickets, and by any worker."""
    study = parking_study(9)
    worker, other = hand(study), hand(study, 1)
    first = claimed(worker)
    x = first.suggest_float("x", 0, 1)
    trained(worker, first, 0.1)
    for value in (0.2, 0.3):
        trained(worker, claimed(worker), value)
    again = claimed(other)
    assert (again.number, again.params) == (0, {"x": x})
    assert promotion_of(study.trials[0]) == {"rung": 1, "step": 3, "is_parked": False}
    trained(other, again, 0.1)
    assert curves(study)[0] == list(range(1, 10))
    assert claimed(worker).number == 3


def test_a_small_search_comes_to_a_complete_trial() -> None:
    """Where nothing else is left, the best goes on from each rung, however few are there; the others are pruned."""
    study = parking_study(2)
    worker = hand(study)
    for value in (0.1, 0.2):
        trained(worker, claimed(worker), value)
    assert words(study) == {0: "parked", 1: "parked"}
    assert trained(worker, claimed(worker), 0.1) == Completed((0.1,))
    assert worker.claim(sampler) is None
    assert worker.end_parked() == [1]
    assert words(study) == {0: "complete", 1: "pruned"}
    assert study.trials[1].value == 0.2
    assert worker.left() == 0
    assert worker.end_parked() == []


@pytest.mark.parametrize("left", ["fresh", "running", "interrupted", "promoted"])
def test_nothing_is_pruned_while_a_parked_trial_may_still_be_promoted(left: str) -> None:
    """As long as a ticket, a running trial or a promotion is left."""
    study = parking_study(2 if left == "promoted" else 3)
    worker, other = hand(study), hand(study, 1)
    for value in (0.2, 0.3):
        trained(worker, claimed(worker), value)
    if left in ("running", "interrupted"):
        trial = claimed(other)
        trial.suggest_float("x", 0, 1)
    if left == "interrupted":
        other.settle(trial, Interrupted())
    assert worker.end_parked() == []
    assert "pruned" not in words(study).values()


def test_a_worker_that_dies_while_it_parks_a_trial_leaves_it_parked() -> None:
    """What the trial has come to is stored before its process ends; with the next look it waits as it should."""
    study, told = parking_study(3), Told("worker-0")
    worker, other = hand(study), hand(study, 1, observer=told)
    trial = claimed(worker)
    for step in (1, 2, 3):
        trial.report(0.3, step)
    assert worker.parks(trial)
    assert study.trials[0].state == TrialState.RUNNING
    assert claimed(other).number == 1
    assert words(study)[0] == "parked"
    assert len(study.trials[0].user_attrs["losses"]) == 1


def test_an_interrupted_trial_that_was_promoted_goes_on_whatever_its_rank_is_by_then() -> None:
    """It has passed its rung, and does not park there again."""
    study = parking_study(9)
    worker = hand(study)
    for value in (0.1, 0.2, 0.3):
        trained(worker, claimed(worker), value)
    promoted = claimed(worker)
    promoted.suggest_float("x", 0, 1)
    promoted.report(0.1, 4)
    assert not worker.parks(promoted)
    assert worker.settle(promoted, Interrupted())
    assert words(study)[0] == "waiting"
    again = claimed(hand(study, 1))
    assert again.number == 0
    for number, value in enumerate((0.01, 0.02, 0.03), 2):
        other = hand(study, number)
        trained(other, claimed(other), value)
    hand(study, 1).settle(again, Interrupted())
    assert claimed(worker).number == 0


def test_a_ticket_that_others_have_parked_meanwhile_is_not_begun() -> None:
    """A worker that saw it as promoted at a rung would train what waits at the next one."""
    study = parking_study(4)
    slow, fast = hand(study), hand(study, 1)
    for value in (0.1, 0.2, 0.3):
        trained(fast, claimed(fast), value)
    seen = slow.trials()
    trained(fast, claimed(fast), 0.1)
    assert claimed(slow, sampler).number == 3
    assert words(study) == {0: "parked", 1: "parked", 2: "parked", 3: "running"}
    trial = hand(study, 2).claim(sampler, seen)
    assert trial is None
    assert words(study)[0] == "parked"
    assert promotion_of(study.trials[0]) == {"rung": 2, "step": 9, "is_parked": True}


def test_samplers_see_parked_trials_as_pruned_at_their_last_step() -> None:
    """In a view; the study itself holds a waiting ticket, and a trial that reports NaN has no value."""
    study = parking_study(3)
    worker = hand(study)
    trained(worker, claimed(worker), 0.25)
    trained(worker, claimed(worker), float("nan"))
    trial = claimed(worker)
    seen = trial.study.get_trials(deepcopy=False)
    assert [other.state.name for other in seen] == ["PRUNED", "PRUNED", "RUNNING"]
    assert [other.value for other in seen] == [0.25, None, None]
    pruned = trial.study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
    assert [other.number for other in pruned] == [0, 1]
    assert trial.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)) == []
    assert [other.state.name for other in study.get_trials()] == ["WAITING", "WAITING", "RUNNING"]
    assert without(study, ()) is study


def test_of_a_trial_that_will_not_go_on_the_announced_checkpoint_is_removed_and_nothing_else(tmp_path: Path) -> None:
    """Only in a directory that is the trial's own, and only once it has ended."""
    study = parking_study(3)
    study.set_user_attr("study_id", "id")
    worker = hand(study)
    for value in (0.3, 0.1, 0.2):
        trained(worker, claimed(worker), value)
    own, best, foreign = (with_checkpoint(study, number, tmp_path) for number in range(3))
    (foreign / ".hyperopt_trial.json").unlink()
    assert trained(worker, claimed(worker), 0.1) == Completed((0.1,))
    assert (own / "last.ckpt").exists()
    assert worker.end_parked() == [0, 2]
    assert [path.name for path in sorted(own.iterdir())] == [".hyperopt_trial.json", "best.ckpt"]
    assert (foreign / "last.ckpt").exists()
    assert (best / "last.ckpt").exists()


def test_waiting_is_no_part_of_a_trials_time() -> None:
    """Who prunes it has not trained it: its attempts and its duration are those of its workers."""
    study = parking_study(2)
    worker = hand(study)
    for value in (0.1, 0.2):
        trained(worker, claimed(worker), value)
    trained(worker, claimed(worker), 0.1)
    before = attempts_of(study.trials[1])
    assert hand(study, 1).end_parked() == [1]
    ended = study.trials[1]
    assert attempts_of(ended) == before
    assert count_of_attempts(ended) == 1
    assert duration_s(ended) == pytest.approx(sum(attempt.ended - attempt.begun for attempt in before))


def test_with_another_pruner_parked_trials_go_on() -> None:
    """Who resumes a study without promotion finds them as interrupted trials."""
    study = parking_study(3)
    worker = hand(study)
    for value in (0.3, 0.2):
        trained(worker, claimed(worker), value)
    study.pruner = optuna.pruners.NopPruner()
    other = hand(study, 1)
    assert [trained(other, claimed(other), 0.3) for _ in range(3)] == [Completed((0.3,))] * 3
    assert worker.end_parked() == []
    assert set(words(study).values()) == {"complete"}


def test_parked_trials_count_as_begun_and_leave_room_for_no_other() -> None:
    """The budget is one of configurations; more of it begins more, beside those that wait."""
    study = parking_study(2)
    worker = hand(study)
    for value in (0.2, 0.3):
        trained(worker, claimed(worker), value)
    issue(study, 3)
    more = hand(study, 1, 3)
    assert claimed(more).number == 2
    assert more.left() == 3


def test_many_parked_trials_do_not_keep_tickets_from_being_issued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large budget so many wait at a time, and parked ones are none of them."""
    monkeypatch.setattr("hyperopt_app.budget.ticket_issue._AHEAD", 2)
    study = parking_study(0)
    issue(study, 12)
    worker = hand(study, n_trials=12)
    for place in range(12):
        trained(worker, claimed(worker), 1.0 + place)
    assert len(study.trials) >= 9


def test_a_parked_trial_is_not_discarded_or_tried_again_before_it_has_ended() -> None:
    """It is said to be parked; once it is pruned, both work."""
    study = parking_study(2)
    study.set_user_attr("n_trials", 2)
    worker = hand(study)
    for value in (0.1, 0.2):
        trained(worker, claimed(worker), value)
    for change in (discard, retry):
        with pytest.raises(StudyMismatchError, match="trial 1: it is parked; only a trial that has ended can be"):
            change(study, [1])
    trained(worker, claimed(worker), 0.1)
    worker.end_parked()
    assert retry(study, [1]) == {1: 2}
    assert claimed(hand(study, 1, 2)).number == 2


def test_several_objectives_are_never_parked() -> None:
    """They have no curve to be judged by."""
    study = optuna.create_study(directions=["minimize", "maximize"], pruner=parking_study(0).pruner)
    issue(study, 1)
    worker = hand(study)
    assert not worker.parks(claimed(worker))


def test_a_trial_at_its_end_does_not_park() -> None:
    """Where a complete trial has shown how long a training is, the last checkpoint is none to wait at."""
    study = parking_study(4)
    worker = hand(study)
    short = claimed(worker)
    for step in (1, 2, 3):
        short.report(0.5, step)
    worker.settle(short, Completed((0.5,)))
    trial = claimed(worker)
    for step in (1, 2, 3):
        trial.report(0.9, step)
    assert EPOCHS > 3
    assert not worker.parks(trial)
