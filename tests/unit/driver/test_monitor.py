# SPDX-License-Identifier: MIT
"""What the driver sees of a study while its workers work."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from hyperopt_app.budget.set_aside import set_aside
from hyperopt_app.budget.steering import add_point
from hyperopt_app.budget.ticket_issue import issue, keep_budget
from hyperopt_app.driver.monitor import StudyMonitor, best_lines
from hyperopt_app.looking.overview import overview
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.heartbeat import WorkerIdentity, this_worker
from hyperopt_app.study.liveness import Observer
from hyperopt_app.study.opening import create_study
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.stopping import Limits, Stop, write_stop
from tests.unit._made_sweeps import made_plan, made_space
from tests.unit._made_tickets import claimed, hand, numbers
from tests.unit._made_trials import made, study_of

DONE = Completed((1.0,))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A plan of four trials whose study is in a journal."""
    return made_plan(tmp_path)


@pytest.fixture
def study(plan: Plan) -> optuna.Study:
    """The study of the plan, with a fifth ticket of an earlier, larger budget."""
    study = create_study(open_storage(None, plan.study_dir), plan.study_name, ["minimize"])
    issue(study, 5)
    return study


def _watch(plan: Plan, study: optuna.Study, sleep: Callable[[float], None] = lambda _s: None) -> StudyMonitor:
    return StudyMonitor(plan, study, "none", sleep)


def _dead_claim(plan: Plan) -> dict[str, Any]:
    """The claim of a process of this machine that is gone: one of our number that began earlier."""
    here = this_worker(0, plan.study_dir)
    return WorkerIdentity("gone", 0, here.host, here.machine, here.pid, here.start - 1, "").as_claim()


def test_what_is_left_is_counted_within_the_budget(plan: Plan, study: optuna.Study) -> None:
    """Waiting and running trials; finished ones and those beyond the budget are not."""
    watch, worker = _watch(plan, study), hand(study)
    assert watch.left() == 4
    worker.settle(claimed(worker), DONE)
    worker.settle(claimed(worker), Failed("bug", "e"))
    claimed(worker)
    assert watch.left() == 2


def test_a_stop_in_the_study_ends_the_search(plan: Plan, study: optuna.Study) -> None:
    """A worker's, or the user's; taken away, it goes on."""
    watch = _watch(plan, study)
    assert watch.may_go_on()
    write_stop(study, Stop("enough", is_fault=False))
    assert not watch.may_go_on()
    write_stop(study, None)
    assert watch.may_go_on()


def test_the_rules_end_the_search_if_no_worker_lives_to_say_so(tmp_path: Path, study: optuna.Study) -> None:
    """Failures of this run count, those of before do not, and the deadline does."""
    worker = hand(study)
    for _ in range(3):
        worker.settle(claimed(worker), Failed("bug", "the same"))
    ended_before = frozenset({0, 1, 2})
    assert _watch(made_plan(tmp_path, ended_before=ended_before), study).may_go_on()
    assert not _watch(made_plan(tmp_path), study).may_go_on()
    write_stop(study, None)
    late = Limits(deadline=1.0)
    assert not _watch(made_plan(tmp_path, ended_before=ended_before, limits=late, run_number=2), study).may_go_on()


def test_the_driver_waits_for_workers_that_live(plan: Plan, study: optuna.Study) -> None:
    """A launcher may return while some still work; each look frees the trials of the dead."""
    here = this_worker(0, plan.study_dir)
    alive, dead = (claimed(hand(study)) for _ in range(2))
    study._storage.set_trial_user_attr(alive._trial_id, "claim", here.as_claim())
    study._storage.set_trial_user_attr(dead._trial_id, "claim", _dead_claim(plan))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert numbers(study, TrialState.RUNNING) == [0]
        if len(slept) == 3:
            study.tell(alive, 1.0)

    _watch(plan, study, sleep).await_workers()
    assert len(slept) == 3
    assert numbers(study, TrialState.WAITING) == [1, 2, 3, 4]


def test_the_first_traceback_of_this_run_is_shown_once(tmp_path: Path, study: optuna.Study) -> None:
    """With number, directory and command; a failure without a traceback, or of an earlier run, is passed over."""
    worker = hand(study)
    stories = ("of before", "", "Traceback: here\n", "Traceback: later\n")
    for number, story in enumerate(stories):
        trial = claimed(worker)
        trial.set_user_attr("directory", f"/trials/{number}")
        trial.set_user_attr("training_seed", number)
        worker.settle(trial, Failed("bug", "e", story))
    watch = _watch(made_plan(tmp_path, ended_before=frozenset({0})), study)
    again = "  again: HYPEROPT_SEED=2 python -m app\n"
    assert watch.first_traceback() == "Trial 2 (/trials/2):\nTraceback: here\n" + again


def test_without_a_failure_there_is_no_traceback(plan: Plan, study: optuna.Study) -> None:
    """The driver has nothing to show then."""
    assert _watch(plan, study).first_traceback() == ""


def test_an_interrupted_trial_is_left_and_has_begun(plan: Plan, study: optuna.Study) -> None:
    """The line of an interruption says so, since it goes on and does not begin anew."""
    study.set_user_attr("n_trials", 4)
    worker, watch = hand(study), _watch(plan, study)
    trial = claimed(worker)
    trial.set_user_attr("directory", "/trials/0")
    assert (watch.left(), watch.interrupted()) == (4, 0)
    worker.settle(trial, Interrupted())
    assert (watch.left(), watch.interrupted()) == (4, 1)


def test_the_driver_sees_a_budget_that_changes_while_it_waits(plan: Plan, study: optuna.Study) -> None:
    """A trial that is discarded is to be run once more, one that was added too; the best and the counts heed it."""
    study.set_user_attr("n_trials", 4)
    worker, watch = hand(study), _watch(plan, study)
    for value in (1.0, 2.0):
        assert worker.settle(claimed(worker), Completed((value,)))
    assert (watch.left(), watch.size()) == (2, 4)
    set_aside(study, [0], "for a reason")
    assert (watch.left(), watch.size()) == (3, 4)
    add_point(study, {"x": 0.5}, hand(study, 8), grows=True)
    assert (watch.left(), watch.size()) == (4, 5)
    assert best_lines(plan, study)[0].startswith("Best: trial 1 with")
    shown = overview(study, plan.study_dir)
    assert (shown.n_trials, shown.done, shown.set_aside, shown.best[0].number) == (5, 1, 1, 1)


def _beat(study_dir: Path, worker: WorkerIdentity, **changes: Any) -> None:
    place = study_dir / "workers"
    place.mkdir(exist_ok=True)
    (place / f"{worker.worker}.json").write_text(json.dumps({**worker.as_claim(), **changes, "count": 0}))


def test_the_overview_shows_who_does_what(plan: Plan, study: optuna.Study) -> None:
    """Workers are known by their signs of life, trials by their states; what cannot be read is passed over."""
    workers = [this_worker(number, plan.study_dir) for number in range(3)]
    trial = claimed(hand(study))
    study._storage.set_trial_user_attr(trial._trial_id, "claim", workers[1].as_claim())
    for worker, start in zip(workers, (workers[0].start, workers[0].start, 1), strict=True):
        _beat(plan.study_dir, worker, start=start)
    (plan.study_dir / "workers" / "torn.json").write_text("{")
    shown = overview(study, plan.study_dir)
    assert [(row.number, row.state, row.trial) for row in shown.workers] == [
        (0, "idle", None),
        (1, "running", 0),
        (2, "ended", None),
    ]
    assert (shown.n_trials, shown.running, shown.left) == (5, 1, 4)
    assert shown.study_name == "study"


def test_a_single_look_takes_a_worker_of_elsewhere_that_was_long_silent_for_ended(
    plan: Plan, study: optuna.Study
) -> None:
    """A killed worker leaves its last sign of life behind; of what is recent nobody can say more at once."""
    for number, age_s in enumerate((0.0, 3600.0)):
        worker = this_worker(number, plan.study_dir)
        _beat(plan.study_dir, worker, machine="elsewhere")
        path = Path(worker.beat)
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age_s))
    assert [row.state for row in overview(study, plan.study_dir).workers] == ["idle", "ended"]
    assert [row.state for row in overview(study, plan.study_dir, observer=Observer(60.0)).workers] == ["idle", "idle"]


def test_the_overview_of_a_large_budget(plan: Plan, study: optuna.Study) -> None:
    """Not all of its tickets are there yet; the study knows how many there will be."""
    keep_budget(study, 1000)
    shown = overview(study, plan.study_dir)
    assert (shown.n_trials, shown.left) == (1000, 1000)


def test_the_time_of_a_study_ends_with_its_last_trial(plan: Plan) -> None:
    """While one runs it goes on."""
    other = study_of()
    other.add_trial(made(length_s=60.0))
    assert overview(other, plan.study_dir).elapsed_s == pytest.approx(60.0)
    other.add_trial(made(TrialState.RUNNING))
    assert overview(other, plan.study_dir).elapsed_s > 61


def test_the_overview_of_an_empty_study_has_no_time(plan: Plan, study: optuna.Study) -> None:
    """Nothing has started, nobody works."""
    shown = overview(study, plan.study_dir, observer=Observer(60.0))
    assert (shown.elapsed_s, shown.workers, shown.left) == (0.0, (), 5)


@pytest.mark.parametrize(
    ("clean", "is_terminal", "progress", "mode"),
    [
        (None, True, "auto", "none"),
        (True, True, "auto", "table"),
        (False, True, "auto", "lines"),
        (True, False, "auto", "lines"),
        (None, True, "lines", "lines"),
        (True, True, "none", "none"),
    ],
)
def test_how_the_sweep_is_shown(
    clean: bool | None, is_terminal: bool, progress: str, mode: str, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself a table where nobody else writes, lines elsewhere, nothing where the workers' own lines are seen."""
    study = create_study(open_storage(None, plan.study_dir), plan.study_name, ["minimize"])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    shown: Any = StudyMonitor(plan, study, progress).shown(clean)
    assert shown._mode == mode


def test_the_table_shows_a_stop(plan: Plan, study: optuna.Study) -> None:
    """Also of one that the user asks for while it is shown; names are without what commands a terminal."""
    monitor = StudyMonitor(plan, study, "none")
    assert monitor._read(study)[0].stop == ""
    write_stop(study, Stop("enough\x1b[2J", is_fault=False))
    assert monitor._read(study)[0].stop == r"enough\x1b[2J"


def test_the_best_trial_is_told_with_the_way_to_train_it_again(tmp_path: Path) -> None:
    """Number, value, directory and command, which sets the trial's seed."""
    study = study_of()
    study.add_trial(made(values=[0.7], params={"x": 0.2}))
    study.add_trial(made(values=[0.25], params={"x": 0.5}, directory="/study/trials/1", training_seed=7))
    assert best_lines(made_plan(tmp_path, made_space(x="interval(0, 1)")), study) == [
        "Best: trial 1 with value=0.25, of 2 complete",
        "  in /study/trials/1",
        "  again: HYPEROPT_SEED=7 python -m app x=0.5",
    ]
    assert "with loss=0.25" in best_lines(made_plan(tmp_path, metric_names=("loss",)), study)[0]


def test_a_best_trial_without_a_directory_is_told_without_one(tmp_path: Path) -> None:
    """One that was taken over from another tool's study."""
    study = study_of()
    study.add_trial(made(values=[0.25], params={"x": 0.5}))
    assert best_lines(made_plan(tmp_path, made_space(x="interval(0, 1)")), study) == [
        "Best: trial 0 with value=0.25, of 1 complete",
        "  again: python -m app x=0.5",
    ]


def test_several_objectives_have_a_front(tmp_path: Path) -> None:
    """Its trials are in a file."""
    study = study_of("minimize", "maximize")
    for values in ([1.0, 1.0], [2.0, 2.0], [3.0, 0.0]):
        study.add_trial(made(values=values))
    (line,) = best_lines(made_plan(tmp_path, directions=2), study)
    assert line == f"2 trials on the Pareto front; see {tmp_path / 'best.yaml'}"


def test_without_a_complete_trial_there_is_no_best_one(tmp_path: Path) -> None:
    """A pruned or failed trial is none."""
    study = study_of()
    study.add_trial(made(TrialState.PRUNED, curve={1: 0.5}))
    study.add_trial(made(TrialState.FAIL))
    assert best_lines(made_plan(tmp_path), study) == ["No trial has completed."]
