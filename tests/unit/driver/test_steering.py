# SPDX-License-Identifier: MIT
"""What the commands that change a study tell, and on which studies they work."""

from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from hyperopt_app.budget.ticket_issue import issue, keep_budget
from hyperopt_app.driver.steering import added, discarded, extended, held, released, retried
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.objective.outcomes import Completed
from hyperopt_app.space.space import Space, with_values
from hyperopt_app.study.identity import Identity, keep_identity
from hyperopt_app.study.records.trial_records import POINT
from hyperopt_app.study.stopping import Stop, read_stop, write_stop
from tests.unit._made_tickets import claimed, hand

SPACE = Space({"+x": FloatDistribution(0, 1), "kind": CategoricalDistribution(["adam", "'10.0'"])})


def begun(space: Space = SPACE, n_trials: int = 3) -> optuna.Study:
    """A study that a command has begun."""
    study = optuna.create_study(study_name="study")
    keep_identity(study, Identity(("minimize",), (), space, 0))
    keep_budget(study, n_trials)
    issue(study, n_trials)
    return study


def test_a_point_is_spelled_as_the_study_holds_it(tmp_path: Path) -> None:
    """Keys with or without their plus, choices as override text or as plain values."""
    words = ["x=0.5", "kind='10.0'"]
    for space, kind in ((SPACE, "'10.0'"), (with_values(SPACE), "10.0")):
        study = begun(space)
        assert "The point is tried next, as trial 0." in added(study, tmp_path, words, grows=False)[0]
        assert study.trials[0].system_attrs[POINT] == {"+x": 0.5, "kind": kind}


def test_what_an_objective_has_suggested_by_itself_can_be_given(tmp_path: Path) -> None:
    """As soon as a trial has done so; the study knows its range then."""
    study = begun()
    with pytest.raises(StudyMismatchError, match="'width' is not searched"):
        added(study, tmp_path, ["width=3"], grows=True)
    worker = hand(study)
    trial = claimed(worker)
    trial.suggest_int("width", 1, 5)
    assert worker.settle(trial, Completed((0.0,)))
    with pytest.raises(StudyMismatchError, match=r"width=9 is out of range; allowed is \[1, 5\]"):
        added(study, tmp_path, ["width=9"], grows=True)
    assert "The budget is 4 trials now." in added(study, tmp_path, ["width=3"], grows=True)[0]


def test_a_study_of_another_tool_has_no_space_to_check_against(tmp_path: Path) -> None:
    """Its trials can be discarded and tried again all the same."""
    study = optuna.create_study()
    study.enqueue_trial({"x": 0.5})
    trial = study.ask()
    study.tell(trial, trial.suggest_float("x", 0, 1))
    with pytest.raises(StudyMismatchError, match="was not created by hyperopt_app"):
        added(study, tmp_path, ["x=0.5"], grows=True)
    assert "retried as trial 1" in retried(study, tmp_path, [0], [], lambda *_: None)[0]
    assert study.trials[1].system_attrs[POINT] == {"x": 0.5}


def test_what_is_left_is_told(tmp_path: Path) -> None:
    """With what runs, and who goes on."""
    study = begun(n_trials=2)
    worker = hand(study)
    assert worker.settle(claimed(worker), Completed((0.0,)))
    assert claimed(worker).number == 1
    told = discarded(study, tmp_path, [0], lambda *_: None)
    assert told[0].startswith("1 trial discarded")
    expected = "Now: 2 of 2 trials left, 1 of them running; 1 set aside; running workers continue with the rest"
    assert told[-1].startswith(expected)
    assert retried(study, tmp_path, [], ["oom"], lambda *_: None) == [
        "No trial of the budget has failed of the kind oom; nothing was changed. To try others, give numbers."
    ]


def test_more_trials_stand_beside_n_trials(tmp_path: Path) -> None:
    """Who runs takes them, with the budget of before; a discarded one leaves its place to another."""
    study = begun(n_trials=2)
    worker = hand(study, n_trials=2)
    lines = extended(study, tmp_path, 3)
    assert lines[0] == "3 trials more: the budget is 5 now."
    assert lines[1].startswith("Now: 5 of 5 trials left, 0 of them running")
    issue(study, 2)  # as the same command does
    numbers = []
    while (trial := worker.claim(lambda _number: optuna.samplers.RandomSampler(0))) is not None:
        assert worker.settle(trial, Completed((0.0,)))
        numbers.append(trial.number)
    assert numbers == [0, 1, 2, 3, 4]
    discarded(study, tmp_path, [3, 1], lambda *_: None)
    issue(study, 2)
    assert worker.left() == 2
    assert len(study.trials) == 7


def test_what_has_no_further_trials_is_not_extended(tmp_path: Path) -> None:
    """A study of another tool, which has no budget, and a grid."""
    with pytest.raises(StudyMismatchError, match="has no budget"):
        extended(optuna.create_study(), tmp_path, 1)
    study = begun()
    keep_budget(study, 3, listed=True)
    with pytest.raises(StudyMismatchError, match="each point of a grid once"):
        extended(study, tmp_path, 1)
    assert len(study.trials) == 3


def test_a_study_is_held_and_released(tmp_path: Path) -> None:
    """Both are said; a stop that asks for a correction stays, and a stop of another kind is not released."""
    study = begun()
    assert f"`hyperopt-app release {tmp_path}` lets trials begin again" in held(study, tmp_path)[1]
    stop = read_stop(study)
    assert stop is not None
    assert (stop.is_hold, stop.is_fault, stop.ends_running) == (True, False, False)
    (tmp_path / "multirun.yaml").write_text("hydra: {overrides: {hydra: [hydra.mode=MULTIRUN], task: [x=1]}}")
    says = released(study, tmp_path)[1]
    assert says.startswith("Now: 3 of 3 trials left, 0 of them running")
    assert says.endswith("without any, the same command does (`python ... --multirun x=1`).")
    assert read_stop(study) is None
    with pytest.raises(StudyMismatchError, match="is not held; nothing was changed"):
        released(study, tmp_path)
    write_stop(study, Stop("enough", is_fault=False))
    with pytest.raises(StudyMismatchError, match="not held but stopped, since enough"):
        released(study, tmp_path)
    write_stop(study, Stop("three bugs", is_fault=True))
    with pytest.raises(StudyMismatchError, match="must be corrected first: three bugs"):
        held(study, tmp_path)
    assert read_stop(study) == Stop("three bugs", is_fault=True)
