# SPDX-License-Identifier: MIT
"""The state of a sweep as numbers and rows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.progress.snapshot import Snapshot, WorkerRow, WorkerView, snapshot
from hyperopt_app.progress.table import counts_text
from tests.unit._made_trials import START, made

MINIMIZE, MAXIMIZE = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE


def seen(
    trials: Sequence[FrozenTrial],
    workers: Sequence[WorkerView] = (),
    *,
    n_trials: int = 10,
    directions: Sequence[StudyDirection] = (MINIMIZE,),
    metric_names: Sequence[str] = (),
    age_s: float = 60.0,
) -> Snapshot:
    now = START + timedelta(seconds=age_s)
    return snapshot(trials, n_trials, workers, directions, metric_names, 100.0, now=now, study_name="s")


def worker(number: int, trial: int | None = None, *, alive: bool = True) -> WorkerView:
    return WorkerView(number, "node-1", 4000 + number, trial, alive)


# Counts


@given(st.lists(st.sampled_from(list(TrialState)), max_size=30), st.integers(1, 30))
def test_the_counts_add_up_to_the_budget(states: list[TrialState], n_trials: int) -> None:
    """Done, pruned, failed, running and left make the budget, or all that has started if that is more."""
    now = seen([made(state, number=number) for number, state in enumerate(states)], n_trials=n_trials)
    started = sum(state != TrialState.WAITING for state in states)
    assert now.done + now.pruned + now.failed + now.running + now.left == max(n_trials, started)
    assert now.finished + now.running == started
    assert now.done == states.count(TrialState.COMPLETE)


def test_of_those_that_are_left_the_interrupted_ones_are_known() -> None:
    """They have begun, as their directory says; one that nobody has begun has none, and a parked one is not left."""
    parked = {"rung": 1, "step": 3, "is_parked": True}
    trials = [
        made(TrialState.WAITING, number=0, directory="/trials/0"),
        made(TrialState.WAITING, number=1),
        made(TrialState.WAITING, number=2, directory="/trials/2", promotion=parked),
        made(TrialState.RUNNING, number=3, directory="/trials/3"),
    ]
    now = seen(trials, n_trials=5)
    assert (now.left, now.interrupted) == (3, 1)
    assert "3 left (1 interrupted)" in counts_text(now).plain


def test_parked_trials_are_counted_apart() -> None:
    """They have begun, so they are not left; a promoted one that was interrupted waits as any other."""
    parked, promoted = ({"rung": 1, "step": 3, "is_parked": waits} for waits in (True, False))
    trials = [
        made(TrialState.WAITING, number=0, promotion=parked),
        made(TrialState.WAITING, number=1, promotion=promoted),
        made(TrialState.RUNNING, number=2, promotion=parked),
    ]
    now = seen(trials, n_trials=5)
    assert (now.parked, now.running, now.left) == (1, 1, 3)


# The best


@pytest.mark.parametrize(("direction", "number"), [(MINIMIZE, 1), (MAXIMIZE, 0)], ids=["minimize", "maximize"])
def test_the_best_trial_follows_the_direction(direction: StudyDirection, number: int) -> None:
    """One direction has one best trial, with its value and parameters."""
    trials = [made(values=[0.5], number=0, params={"x": 1}), made(values=[0.2], number=1, params={"x": 1})]
    (best,) = seen(trials, directions=[direction]).best
    assert best.number == number
    assert best.params == {"x": 1}


def test_several_directions_have_a_front() -> None:
    """Every trial that no other one beats in all values."""
    trials = [made(values=values, number=i) for i, values in enumerate([[1.0, 1.0], [2.0, 2.0], [2.0, 0.5]])]
    now = seen(trials, directions=[MINIMIZE, MAXIMIZE])
    assert [(best.number, best.values) for best in now.best] == [(0, (1.0, 1.0)), (1, (2.0, 2.0))]


@pytest.mark.parametrize(
    ("metric_names", "directions", "names"),
    [
        ([], 1, ("value",)),
        (["loss"], 1, ("loss",)),
        ([], 2, ("value_0", "value_1")),
        (["a", "b"], 2, ("a", "b")),
    ],
    ids=["one", "one-named", "two", "two-named"],
)
def test_values_without_names_are_numbered(metric_names: list[str], directions: int, names: tuple[str, ...]) -> None:
    """An objective that returns bare numbers still has something to call them."""
    assert seen([], directions=[MINIMIZE] * directions, metric_names=metric_names).value_names == names


# Workers


@pytest.mark.parametrize(
    ("view", "row"),
    [
        (worker(0, 5), WorkerRow(0, "node-1", "running", trial=5, step=7, value=0.25, running_s=60.0)),
        (
            worker(0, 5, alive=False),
            WorkerRow(0, "node-1", "lost", trial=5, step=7, value=0.25, running_s=60.0),
        ),
        (worker(0, 6), WorkerRow(0, "node-1", "running", trial=6, running_s=60.0)),
        (worker(0, 1), WorkerRow(0, "node-1", "idle")),
        (worker(0), WorkerRow(0, "node-1", "idle")),
        (worker(0, alive=False), WorkerRow(0, "node-1", "ended")),
    ],
    ids=[
        "reports",
        "lost-with-a-trial",
        "no-report-yet",
        "its-trial-has-just-ended",
        "between-trials",
        "ended",
    ],
)
def test_a_worker_does_what_its_trial_does(view: WorkerView, row: WorkerRow) -> None:
    """The trial, its last report and its age are shown while the trial runs."""
    curve = {3: 0.5, 7: 0.25}
    trials = [
        made(number=1),
        made(TrialState.RUNNING, number=5, curve=curve),
        made(TrialState.RUNNING, number=6),
    ]
    assert seen(trials, [view]).workers == (row,)


def test_workers_are_shown_in_the_order_of_their_numbers() -> None:
    """However the driver learned of them; the ended ones are not counted as live."""
    now = seen([], [worker(2), worker(0, alive=False), worker(1)])
    assert [row.number for row in now.workers] == [0, 1, 2]
    assert now.live_workers == 2


def test_a_clock_that_is_behind_gives_no_negative_age() -> None:
    """The trial's host may be ahead of the driver's."""
    now = seen([made(TrialState.RUNNING)], [worker(0, 0)], age_s=-5.0)
    assert now.workers[0].running_s == 0.0


# The time that remains

FINISHED = [made(number=0, length_s=50.0), made(TrialState.PRUNED, number=1, length_s=30.0)]  # mean 40 s


def running(*numbers: int) -> list[FrozenTrial]:
    return [made(TrialState.RUNNING, number=number) for number in numbers]


@pytest.mark.parametrize(
    ("trials", "workers", "options", "expected"),
    [
        ([], [worker(0)], {}, None),
        (FINISHED, [], {}, None),
        (FINISHED, [worker(0, alive=False)], {}, None),
        (FINISHED, [worker(0)], {"n_trials": 2}, 0.0),
        (FINISHED, [worker(0)], {"n_trials": 5}, 120.0),
        (FINISHED, [worker(0), worker(1)], {"n_trials": 6}, 80.0),
        (FINISHED, [worker(n) for n in range(64)], {"n_trials": 3}, 40.0),
        (FINISHED + running(2), [worker(0, 2)], {"n_trials": 4, "age_s": 10.0}, 70.0),
        (FINISHED + running(2), [worker(0, 2)], {"n_trials": 3, "age_s": 500.0}, 0.0),
    ],
    ids=[
        *("nothing-finished", "no-worker", "no-live-worker", "budget-spent", "one-worker", "two-workers"),
        *("more-workers-than-trials", "a-trial-under-way", "a-trial-longer-than-the-mean"),
    ],
)
def test_the_remaining_time_is_the_mean_length_shared_by_live_workers(
    trials: list[FrozenTrial], workers: list[WorkerView], options: dict[str, Any], expected: float | None
) -> None:
    """What is left at the mean length of finished trials; unknown before one, or while nobody works."""
    assert seen(trials, workers, **options).remaining_s == (None if expected is None else pytest.approx(expected))


def test_infeasible_trials_are_counted_and_say_what_they_violate() -> None:
    """They are done, and neither the best nor part of its course."""
    trials = [made(values=[value], number=number) for number, value in enumerate((1.0, 2.0))]
    trials[0].set_constraint("ms <= 100", 20.5)
    state = seen(trials)
    assert (state.done, state.infeasible) == (2, 1)
    assert [best.number for best in state.best] == [1]
    assert state.best_so_far == (2.0,)
    assert [trial.failure for trial in state.last] == ["", "infeasible: ms <= 100 by 20.5"]
