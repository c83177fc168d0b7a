# SPDX-License-Identifier: MIT
"""A study is made or found, and its tickets issued: what a command makes of the one before, whose code was wrong."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from hyperopt_app.budget.set_aside import set_aside_of
from hyperopt_app.driver.prepare import prepare
from hyperopt_app.driver.request import checked
from hyperopt_app.driver.steering import held, released
from hyperopt_app.errors import ConfigError, StudyMismatchError
from hyperopt_app.objective.outcomes import Completed, Failed, Outcome
from hyperopt_app.sampling.automatic import Choice
from hyperopt_app.settings import methods
from hyperopt_app.study.opening import open_study
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.records.trial_records import POINT
from tests.unit._made_sweeps import made_sweep, write_configs
from tests.unit._made_tickets import claimed, hand

CONFIG = """
defaults: [_self_, {override hydra/sweeper: async_optuna}]
x: 1
width: 2
hydra:
  sweep: {dir: study}
  sweeper: {n_trials: 4, params: {x: 'interval(0, 9)'}}
"""
TYPO = Failed("bug", "KeyError: typo")

Command = Callable[..., Plan]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """`command(*arguments)`: a command up to its workers' start, with what it wants of the app and of Hydra."""

    def prepared(*arguments: str) -> Plan:
        context, config = made_sweep(write_configs(tmp_path, {"config": CONFIG}), *arguments)
        own = [word for word in arguments if not word.startswith("hydra")]
        return prepare(checked(context, config, lambda _config: 0.0, own))

    return prepared


def _ended(plan: Plan, *outcomes: Outcome) -> optuna.Study:
    """The study after trials of the plan have ended so, with parameters; whoever ran them is dead."""
    study = open_study(plan)
    tickets = hand(study, n_trials=plan.n_trials)
    for outcome in outcomes:
        trial = claimed(tickets)
        for name, distribution in plan.space.parameters.items():
            trial._suggest(name, distribution)
        tickets.settle(trial, outcome)
    return study


def _points(study: optuna.Study) -> list[dict[str, float]]:
    waiting = study.get_trials(states=(TrialState.WAITING,))
    return [trial.system_attrs[POINT] for trial in waiting if POINT in trial.system_attrs]


def test_the_same_command_has_the_whole_budget_again(command: Command, caplog: pytest.LogCaptureFixture) -> None:
    """Though nobody lived to say so; the trials have ended before its run, and their points are given out again."""
    words = ("hydra.sweeper.enqueue=[{x:2.5}]",)
    study = _ended(command(*words), TYPO, TYPO, TYPO)
    with caplog.at_level(logging.WARNING):
        plan = command(*words)
    assert "3 trials of the last run failed in the same way and no longer count: KeyError: typo" in caplog.text
    assert (plan.run_number, plan.ended_before) == (2, frozenset({0, 1, 2}))
    assert set_aside_of(study, study.get_trials()).keys() == {0, 1, 2}
    assert len(study.get_trials(states=(TrialState.WAITING,))) == 4
    assert _points(study) == [{"x": 2.5}]


def test_a_corrected_search_is_the_studys(command: Command, caplog: pytest.LogCaptureFixture) -> None:
    """Said in one line; a point that is none of it is not tried again, and a new one is."""
    study = _ended(command("width=3", "hydra.sweeper.enqueue=[{x:8.5}]"), TYPO, TYPO, TYPO)
    with caplog.at_level(logging.WARNING):
        command("width=4", "x=interval(0, 5)", "hydra.sweeper.enqueue=[{x:1.5}]")
    (line,) = [told for told in caplog.messages if "with the current search space" in told]
    assert "x: [0, 9] (float) -> [0, 5] (float)" in line
    assert "width=3 was given when the study began, now it is width=4" in line
    assert _points(study) == [{"x": 1.5}]
    command("width=4", "x=interval(0, 5)", "hydra.sweeper.enqueue=[{x:1.5}]")
    assert _points(study) == [{"x": 1.5}]


def test_a_grid_is_tried_whole(command: Command) -> None:
    """Points of the old one still wait, so it stays the old one's; a grid whose code was wrong is tried whole."""
    grid = "hydra/sweeper/sampler=grid"
    study = _ended(command(grid, "x=choice(1, 2, 3, 4)", "width=3"), TYPO, TYPO, TYPO)
    with pytest.raises(ConfigError, match="created with a different search space"):
        command(grid, "x=choice(1, 2, 3, 5)", "width=3")
    command(grid, "x=choice(1, 2, 3, 4)", "width=4")
    assert sorted(point["x"] for point in _points(study)) == [1, 2, 3, 4]


@pytest.mark.parametrize("outcome", [Completed((1.0,)), Failed("oom", "no memory")], ids=["done", "another failure"])
def test_a_search_that_has_been_tried_stays(command: Command, outcome: Outcome) -> None:
    """One trial that counts is enough."""
    study = _ended(command("width=3"), TYPO, TYPO, TYPO)
    _ended(command("width=3"), outcome)
    with pytest.raises(ConfigError, match="width=3 was given when the study began, now it is width=4"):
        command("width=4")
    assert len(study.get_trials(states=(TrialState.WAITING,))) == 3


def _names(plan: Plan) -> tuple[str, str]:
    return plan.sampler["_target_"].rpartition(".")[2], plan.pruner["_target_"].rpartition(".")[2]


def test_what_was_chosen_for_a_study_stays(
    command: Command, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where today's choice would be another; the user's own choice wins, in that command."""
    with caplog.at_level(logging.INFO):
        plan = command()
    assert _names(plan) == ("CurvesSampler", "ForecastPruner")
    assert plan.pruner_is_automatic
    (line,) = [record.getMessage() for record in caplog.records if "The study has" in record.getMessage()]
    assert line.startswith("The study has pruner forecast and sampler curves, since the model of curves learns")
    own = command("hydra/sweeper/sampler=random", "hydra/sweeper/pruner=nop")
    assert _names(own) == ("RandomSampler", "NopPruner")
    assert not own.pruner_is_automatic
    monkeypatch.setattr(methods, "choose", lambda *_: Choice("async_tpe", "nop", "it is another release"))
    assert _names(command()) == ("CurvesSampler", "ForecastPruner")


def test_a_study_from_before_there_was_a_choice_keeps_tpe(command: Command) -> None:
    """Its records name no methods; what it had was the default of its release."""
    study = open_study(command())
    study.set_user_attr("run", {key: value for key, value in study.user_attrs["run"].items() if key != "methods"})
    assert _names(command()) == ("TPESampler", "NopPruner")
    assert _names(command("hydra/sweeper/sampler=curves", "hydra/sweeper/pruner=forecast")) == (
        "CurvesSampler",
        "ForecastPruner",
    )
    assert _names(command()) == ("TPESampler", "NopPruner")


def test_a_prior_is_tried_first_and_reaches_the_sampler_that_takes_one(command: Command) -> None:
    """Of another sampler it is the first point alone; a resumed study does not try it again."""
    plan = command("+hydra.sweeper.prior={x: 3}")
    assert plan.sampler["prior"] == {"x": 3.0}
    study = _ended(plan, Completed((1.0,)))
    assert study.trials[0].params == {"x": 3.0}
    assert "prior" not in command("+hydra.sweeper.prior={x: 3}", "hydra/sweeper/sampler=random").sampler
    assert [trial.number for trial in study.get_trials() if POINT in trial.system_attrs] == [0]


def test_a_prior_that_is_no_point_is_refused(command: Command) -> None:
    """With its key and what is allowed."""
    with pytest.raises(ConfigError, match=r"hydra\.sweeper\.prior: x=10 is out of range; allowed is \[0, 9\]"):
        command("+hydra.sweeper.prior={x: 10}")


def _old_study(command: Command, folder: Path, values: dict[float, float]) -> None:
    """A study in that folder whose trials had these values at these x, and one that failed."""
    plan = command(f"hydra.sweep.dir={folder}", f"hydra.sweeper.enqueue={[{'x': x} for x in values]}".replace("'", ""))
    _ended(plan, *(Completed((value,)) for value in values.values()), Failed("bug", "typo"))


def test_earlier_studies_give_the_first_points_and_reach_the_sampler_that_learns(
    command: Command, tmp_path: Path
) -> None:
    """The best is tried first; of another sampler it is all; a resumed study does not try it again."""
    old = tmp_path / "old"
    _old_study(command, old, {1.0: 0.3, 2.0: 0.1, 3.0: 0.2})
    plan = command(f"hydra.sweeper.warm_start=[{old}]")
    assert max(plan.sampler["earlier"], key=lambda trial: float(trial["worth"]))["params"] == {"x": 2.0}
    study = _ended(plan, Completed((1.0,)), Completed((1.0,)))
    assert study.trials[0].params["x"] == 2.0
    other = command(f"hydra.sweeper.warm_start=[{old}]", "hydra/sweeper/sampler=random")
    assert "earlier" not in other.sampler
    assert len([trial for trial in study.get_trials() if POINT in trial.system_attrs]) == 1


def test_what_does_not_fit_is_left_out(command: Command, tmp_path: Path) -> None:
    """A value outside of this study's range; one between two steps goes to the next. A note says how many fit."""
    old = tmp_path / "old"
    _old_study(command, old, {1.2: 0.3, 8.0: 0.1, 3.9: 0.2})
    words = (f"hydra.sweeper.warm_start=[{old}]", "hydra.sweeper.params.x='range(0, 6)'")
    plan = command(*words)
    assert sorted(trial["params"]["x"] for trial in plan.sampler["earlier"]) == [1, 4]
    context, config = made_sweep(write_configs(tmp_path, {"config": CONFIG}), *words)
    notes = checked(context, config, lambda _config: 0.0, []).notes
    assert f"hydra.sweeper.warm_start: 2 of the 4 ended trials of {old} fit this study" in notes


def test_an_earlier_study_may_be_deleted_once_the_search_has_begun(command: Command, tmp_path: Path) -> None:
    """The same command goes on with what it has read; a damaged copy is read again; twice the same counts once."""
    old = tmp_path / "old"
    _old_study(command, old, {1.0: 0.3, 2.0: 0.1})
    words = f"hydra.sweeper.warm_start=[{old},{old}]"
    before = command(words).sampler["earlier"]
    assert len(before) == 2
    kept = next(tmp_path.rglob("warm_start.json"), None) or Path("study/warm_start.json")
    kept.write_text('{"a": 1}', encoding="utf-8")
    assert command(words).sampler["earlier"] == before
    shutil.rmtree(old)
    assert command(words).sampler["earlier"] == before


def test_a_study_does_not_warm_up_itself(command: Command) -> None:
    """It learns from its own trials anyway."""
    command()
    with pytest.raises(ConfigError, match="is this study itself"):
        command("hydra.sweeper.warm_start=[study]")


def test_faults_of_earlier_studies_are_all_said(command: Command, tmp_path: Path) -> None:
    """No study there, and one of which nothing fits, each with its place in the list."""
    old = tmp_path / "old"
    _old_study(command, old, {8.0: 0.1})
    words = f"hydra.sweeper.warm_start=[{tmp_path / 'nothing'},{old}]"
    with pytest.raises(ConfigError) as caught:
        command(words, "hydra.sweeper.params.x='interval(0, 5)'")
    assert [line.split(": ")[0] for line in caught.value.faults] == [
        "hydra.sweeper.warm_start[0]",
        "hydra.sweeper.warm_start[1]",
    ]
    assert f"none of the 2 ended trials of {old} fits this study" in str(caught.value)
    with pytest.raises(ConfigError, match=r"warm_start: trials cannot be weighed for 2 objectives"):
        command(f"hydra.sweeper.warm_start=[{old}]", "hydra.sweeper.direction=[minimize,minimize]")


def test_a_held_study_is_left_alone(command: Command) -> None:
    """A command that would go on with it is refused, and issues nothing, until the study is released."""
    study = open_study(command())
    held(study, Path("study"))
    with pytest.raises(StudyMismatchError, match=r"is held, since the user asked .*`hyperopt-app release .*study`"):
        command("hydra.sweeper.n_trials=9")
    assert len(study.get_trials()) == 4
    released(study, Path("study"))
    assert command("hydra.sweeper.n_trials=9").run_number == 2
