# SPDX-License-Identifier: MIT
"""The runs of a trial as its worker follows it: what fails is a warning, and nothing is lost."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from hyperopt_app.loggers import registry, trial_log
from hyperopt_app.loggers.facts import facts_of
from hyperopt_app.loggers.kept import KEPT, ended_runs, keep_runs, known_runs
from hyperopt_app.loggers.run import RunEnd, RunFacts
from hyperopt_app.loggers.trial_log import TrialLog, end_left_open
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Lost, Outcome, Parked, Pruned
from hyperopt_app.study.plan import Plan
from tests.unit._made_sweeps import made_plan, made_space
from tests.unit._made_trials import made
from tests.unit.loggers._readers import read_csv


def _plan(*loggers: str) -> Plan:
    space = made_space("y=5", x="interval(0, 1)", name="adam,'a b',10")
    logger = {name: dict[str, Any]() for name in loggers or ("csv",)}
    return made_plan(Path("study").absolute(), space=space, metric_names=("loss",), logger=logger)


def _facts(plan: Plan, number: int = 0) -> RunFacts:
    directory = plan.study_dir / "trials" / str(number)
    directory.mkdir(parents=True, exist_ok=True)
    return facts_of(plan, "0a", number, {"x": 0.5, "name": "10"}, directory, 7)


def _seen() -> Any:
    (run,) = read_csv(Path("study").absolute(), "loss")
    return run


@pytest.mark.parametrize(
    ("outcome", "state", "final"),
    [
        (Completed((0.5,), {"loss": 0.5, "accuracy": 1.0}), "complete", {"loss": 0.5, "accuracy": 1.0}),
        (Pruned(), "pruned", {}),
        (Failed("bug", "ValueError: no", metrics={"loss": float("inf")}), "failed", {"loss": float("inf")}),
        (Interrupted(), "waiting", {}),
        (Parked(), "waiting", {}),
        (Lost("its worker died"), "waiting", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_outcome_closes_the_runs_in_its_way(outcome: Outcome, state: str, final: Mapping[str, float]) -> None:
    """What has ended is marked in the trial's directory; what will go on is not."""
    plan = _plan()
    log, facts = TrialLog(plan), _facts(plan)
    log.begin(facts, {})
    log.report(1.5, 0)
    log.settle(outcome)
    log.report(9.0, 9)  # it is closed
    assert (_seen().state, _seen().final, _seen().curve) == (state, final, {0: 1.5})
    assert ended_runs(facts.directory) == ({} if state == "waiting" else {"csv": state})
    assert list(known_runs(facts.directory)) == ["csv"]


def test_parameters_have_their_values() -> None:
    """A choice is a value and not the text of an override, and what the command fixes is there too."""
    assert _facts(_plan()).params == {"y": 5, "x": 0.5, "name": 10}


def test_a_run_gets_the_points_that_it_lacks() -> None:
    """Those that the study has, from attempts that had no such logger or were killed."""
    plan = _plan()
    log = TrialLog(plan)
    log.begin(_facts(plan), {0: 3.0})
    log.settle(Interrupted())
    log.begin(_facts(plan), {0: 3.0, 1: 2.0, 2: 1.0})
    log.report(0.5, 3)
    log.settle(Completed((0.25,)))
    assert _seen().curve == {0: 3.0, 1: 2.0, 2: 1.0, 3: 0.5}
    assert _seen().final == {"loss": 0.25}


class _Broken:
    """A logger whose n-th call fails."""

    run_id = "broken"
    calls = 0
    fails_at = 1

    def __init__(self, *_: Any) -> None:
        self._call()

    @classmethod
    def _call(cls) -> None:
        cls.calls += 1
        if cls.calls == cls.fails_at:
            raise RuntimeError("no route to http://me:secret@host")

    def has(self, _step: int) -> bool:
        return False

    def report(self, _value: float, _step: int) -> None:
        self._call()

    def end(self, _end: RunEnd) -> None:
        self._call()

    def pause(self) -> None:
        self._call()


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_logger_that_fails_is_a_warning(
    fails_at: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever it fails; the others go on, and the next trial tries it again."""

    def open_run(logger: str, *more: Any) -> Any:
        return _Broken() if logger == "wandb" else registry.open_run(logger, *more)

    monkeypatch.setattr(trial_log, "open_run", open_run)
    monkeypatch.setattr(_Broken, "calls", 0)
    monkeypatch.setattr(_Broken, "fails_at", fails_at)
    monkeypatch.setattr("hyperopt_app.study.repeated_warnings._said_alone", set[str]())
    plan = _plan("wandb", "csv")
    log, facts = TrialLog(plan), _facts(plan)
    with caplog.at_level(logging.WARNING):
        log.begin(facts, {})
        log.report(1.0, 0)
        log.settle(Completed((1.0,)))
    (line,) = caplog.messages
    assert line == "logger wandb: RuntimeError: no route to http://me:***@host; trial 0 goes on without it"
    assert (_seen().curve, _seen().state) == ({0: 1.0}, "complete")
    assert ended_runs(facts.directory) == {"csv": "complete"}
    assert _Broken.calls == fails_at


def test_a_directory_that_cannot_be_written_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """A file lies where the runs should."""
    plan = _plan()
    facts = _facts(plan)
    (plan.study_dir / "csv").write_text("mine")
    log = TrialLog(plan)
    with caplog.at_level(logging.WARNING):
        log.begin(facts, {})
        log.report(1.0, 0)
        log.settle(Pruned())
    assert any("logger csv: " in line for line in caplog.messages)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"runs": 3}', '{"runs": []}'])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    """Then the trial begins new runs."""
    (tmp_path / KEPT).write_text(text)
    assert known_runs(tmp_path) == {}
    keep_runs(tmp_path, {"csv": "a"}, {"csv": "failed"})
    assert (known_runs(tmp_path), ended_runs(tmp_path)) == ({"csv": "a"}, {"csv": "failed"})


def test_runs_that_nobody_ended_are_ended_from_the_study() -> None:
    """Of trials whose workers died; those of trials that wait, or that have ended, stay as they are."""
    plan, trials, logs = _plan(), list[optuna.trial.FrozenTrial](), TrialLog(_plan())
    states = (TrialState.COMPLETE, TrialState.FAIL, TrialState.WAITING, TrialState.COMPLETE)
    for number, state in enumerate(states):
        facts = _facts(plan, number)
        trials.append(made(state, number=number, directory=str(facts.directory)))
        logs.begin(facts, {0: 1.0})
        logs.settle(Pruned() if number == 3 else Interrupted())
    end_left_open(plan, "0a", trials)
    runs = read_csv(plan.study_dir, "loss")
    assert [run.state for run in runs] == ["complete", "failed", "waiting", "pruned"]
    assert runs[0].final == {"loss": 0.5}


def test_a_trial_that_waited_and_was_given_up_has_ended_runs() -> None:
    """Whoever gives it up ends them; those of the trials that others have stay open."""
    plan, study = _plan(), optuna.create_study()
    plan.study_dir.mkdir(parents=True, exist_ok=True)
    for number in range(2):
        facts = _facts(plan, number)
        study.add_trial(made(TrialState.PRUNED, number=number, directory=str(facts.directory)))
        log = TrialLog(plan)
        log.begin(facts, {0: 1.0})
        log.settle(Parked())
    TrialLog(plan).end_stored(study, [1])
    assert [run.state for run in read_csv(plan.study_dir, "loss")] == ["waiting", "pruned"]


def test_a_logger_that_is_away_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not for each trial whose runs are to be ended."""
    plan, asked = _plan(), list[int]()
    trials = [made(number=n, directory=str(_facts(plan, n).directory)) for n in range(3)]
    for number in range(3):
        keep_runs(_facts(plan, number).directory, {"csv": f"study/{number}"})

    def open_run(_logger: str, _settings: object, facts: RunFacts, _known: object) -> Any:
        asked.append(facts.number)
        raise OSError("away")

    monkeypatch.setattr(trial_log, "open_run", open_run)
    end_left_open(plan, "0a", trials)
    assert asked == [0]
    assert ended_runs(_facts(plan).directory) == {}
