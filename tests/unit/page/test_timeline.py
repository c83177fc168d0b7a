# SPDX-License-Identifier: MIT
"""Who ran what and when, and what the time went into."""

from dataclasses import replace
from typing import Any

import pytest
from optuna.trial import TrialState

from hyperopt_app.cost.compute import hours_by_outcome, saved_s, unit_of
from hyperopt_app.cost.worker_times import WorkerTime
from hyperopt_app.page.timeline import Span, spans_of, timeline_of
from tests.unit._made_trials import START, made

BEGUN = START.timestamp()


def _claim(number: int, host: str = "n-1") -> dict[str, Any]:
    return {"worker": f"{number}-{host}-4711-abcdef", "number": number, "host": host}


def test_each_attempt_is_a_span_of_its_worker() -> None:
    """An interrupted attempt belongs to the worker that began it; a running one ends now."""
    ended = [{"worker": "3-n-1-1-aaaaaa", "begun": BEGUN - 100, "ended": BEGUN - 40}]
    trials = [
        made(number=0, claim=_claim(1), length_s=50.0, ended_attempts=ended),
        made(TrialState.RUNNING, number=1, claim=_claim(2, "m")),
        made(TrialState.WAITING, number=2),
    ]
    spans = spans_of(trials, now=BEGUN + 7)
    assert [(span.row, span.number, span.outcome, span.ended - span.begun) for span in spans] == [
        ("n-1, worker 3", 0, "interrupted", 60.0),
        ("n-1, worker 1", 0, "complete", 50.0),
        ("m, worker 2", 1, "running", 7.0),
    ]


def test_a_restarted_worker_goes_on_in_its_row() -> None:
    """Rows are places; they stand in the order of machines and numbers."""
    trials = [made(number=n, claim=_claim(worker)) for n, worker in enumerate((10, 2, 2))]
    shown = timeline_of(spans_of(trials))
    assert shown is not None
    assert shown["rows"] == ["n-1, worker 2", "n-1, worker 10"]
    assert shown["row"] == [1, 0, 0]
    assert timeline_of([]) is None


def test_times_at_work_stand_behind_the_attempts() -> None:
    """Also those of workers without a trial; one that comes after another in its row has come back."""

    def known(number: int, begun: float, ended: float, job: str) -> WorkerTime:
        name = f"{number}-n-1-1-{begun + 100:.0f}"
        return WorkerTime(name, number, "n-1", "n-1", job, 1.0, BEGUN + begun, BEGUN + ended, is_at_work=False)

    times = [known(1, -10, 20, "7_1"), known(2, -5, 0, "7_2"), known(1, 30, 90, "7_1")]
    claim = {**_claim(1), "worker": times[0].worker}
    shown = timeline_of(spans_of([made(number=0, claim=claim, length_s=15.0)]), times)
    assert shown is not None
    assert shown["rows"] == ["n-1, worker 1", "n-1, worker 2"]
    assert (shown["row"], shown["begun"], shown["length"]) == ([0], [10.0], [15.0])
    assert shown["work"] == {
        "row": [0, 1, 0],
        "begun": [0.0, 5.0, 40.0],
        "length": [30.0, 5.0, 60.0],
        "job": ["7_1", "7_2", "7_1"],
        "again": [False, False, True],
    }


def test_workers_of_one_number_at_a_time_have_a_row_each() -> None:
    """Two commands on one machine both have a worker 0; a third that comes later goes on in the first row."""
    length_s = 50.0
    trials = [made(number=n, length_s=length_s, claim={**_claim(0), "worker": f"0-n-1-{n}-a"}) for n in range(2)]
    begun = BEGUN + length_s
    later = WorkerTime("0-n-1-2-a", 0, "n-1", "n-1", "", 0.0, begun, begun + 9, is_at_work=False)
    shown = timeline_of(spans_of(trials), [later])
    assert shown is not None
    assert shown["rows"] == ["n-1, worker 0", "n-1, worker 0 (2)"]
    assert shown["row"] == [0, 1]
    assert (shown["work"]["row"], shown["work"]["again"]) == ([0], [False])


def test_hours_add_up() -> None:
    """What is neither a trial nor before a worker's first or behind its last is idle."""
    ended = [{"worker": _claim(1)["worker"], "begun": BEGUN - 3600, "ended": BEGUN - 1800}]
    trials = [made(number=0, claim=_claim(1), length_s=7200.0, ended_attempts=ended)]
    hours = hours_by_outcome(spans_of(trials), [])
    assert hours == pytest.approx({"complete": 2.0, "interrupted": 0.5, "idle": 0.5})


def test_another_tools_trials_have_no_worker() -> None:
    """They stand in one row, and nobody is idle."""
    trials = [made(number=n) for n in range(2)]
    spans = spans_of(trials)
    assert {span.row for span in spans} == {"unknown machine, worker ?"}
    assert "idle" not in hours_by_outcome(spans, [])


def test_pruning_saves_what_lacks_to_the_middle_trial() -> None:
    """Nothing without a complete one."""
    pruned = made(TrialState.PRUNED, length_s=10.0)
    complete = [made(length_s=length) for length in (20.0, 40.0, 400.0)]
    assert saved_s([pruned, *complete]) == pytest.approx(30.0)
    assert saved_s([pruned]) == 0.0


def test_hours_are_of_gpus_where_workers_had_some_and_idle_is_all_that_no_trial_took() -> None:
    """Of a worker that is not known the GPUs are not, and without GPUs idle is what lies between two of its trials."""
    hour = 3600.0
    spans = [
        Span("here, worker 0", "a", 0, hour, 0, "complete"),
        Span("here, worker 1", "b", 0, hour, 1, "pruned"),
        Span("here, worker 1", "b", 2 * hour, 3 * hour, 2, "complete"),
    ]
    of_a = WorkerTime("a", 0, "here", "", "", 2.0, -hour, 2 * hour, is_at_work=False)
    assert unit_of([of_a]) == "GPU"
    assert unit_of([]) == "worker"
    assert hours_by_outcome(spans, [of_a]) == {"complete": 2.0, "idle": 4.0}
    without = replace(of_a, gpus=0.0)
    assert hours_by_outcome(spans, [without]) == {"complete": 2.0, "pruned": 1.0, "idle": 3.0}
