# SPDX-License-Identifier: MIT
"""What an attached command says of its jobs, and whether somebody has cancelled them."""

from collections.abc import Sequence

import pytest

from hyperopt_app.schedulers.roster import JobState, Roster

RUNS = [JobState(f"7_{task}", "runs", "RUNNING") for task in range(4)]


def _ended(state: str, *tasks: int) -> list[JobState]:
    """All four, of which these have ended."""
    return [JobState(one.job, "ended", state) if task in tasks else one for task, one in enumerate(RUNS)]


def _waits(count: int, reason: str = "Resources") -> list[JobState]:
    """All four, of which the last so many wait."""
    return [*RUNS[: 4 - count], *(JobState(f"7_{task}", "waits", "PENDING", reason) for task in range(4 - count, 4))]


def _said(*looks: Sequence[JobState], waiting_trials: int = 5, wanted: int = 4, every_s: float = 60) -> list[str]:
    roster = Roster(wanted)
    return [line for at, found in enumerate(looks) for line in roster.look(found, waiting_trials, at * every_s)]


def test_what_waits_in_the_queue_is_said_once_per_change() -> None:
    """With the scheduler's reason; jobs that find room at once are no news, and neither is what has been said."""
    assert _said(_waits(4), RUNS, RUNS) == []
    assert _said(_waits(4), _waits(2), _waits(2), _waits(1, "Priority"), RUNS) == [
        "2 of 4 jobs run; 2 wait in the queue (Resources)",
        "3 of 4 jobs run; 1 waits in the queue (Priority)",
        "4 of 4 jobs run; none waits in the queue any more",
    ]


def test_many_jobs_that_start_one_by_one_are_no_flood() -> None:
    """A line every half minute at most, and one when all of them run."""
    lines = _said(_waits(4), *([_waits(count) for count in (4, 3, 2, 1, 0)]), every_s=10)
    assert lines == [
        "1 of 4 jobs runs; 3 wait in the queue (Resources)",
        "4 of 4 jobs run; none waits in the queue any more",
    ]


@pytest.mark.parametrize(
    ("state", "tasks", "line"),
    [
        ("NODE_FAIL", (3,), "job 7_3 has ended (NODE_FAIL); it is not replaced: 3 of 4 go on"),
        ("TIMEOUT", (0, 1), "jobs 7_0, 7_1 have ended (TIMEOUT); they are not replaced: 2 of 4 go on"),
        ("CANCELLED", (1,), "job 7_1 has been cancelled; it is not replaced: 3 of 4 go on"),
        ("COMPLETED", (2,), "job 7_2 has ended while 5 trials wait; it is not replaced: 3 of 4 go on"),
        ("FAILED", (0, 1, 2, 3), "jobs 7_0, 7_1, 7_2, 7_3 have ended (FAILED); none is left"),
    ],
)
def test_a_job_that_is_missing_from_now_on_is_said_once(state: str, tasks: tuple[int, ...], line: str) -> None:
    """By the scheduler's word, and how many go on."""
    assert _said(RUNS, _ended(state, *tasks), _ended(state, *tasks)) == [line]


def test_a_waiting_job_that_is_cancelled_is_told_of_in_one_line() -> None:
    """That none waits any more goes without saying then."""
    looks = [_waits(1), _waits(1), _ended("CANCELLED", 3), RUNS[:3]]
    assert _said(*looks) == [
        "3 of 4 jobs run; 1 waits in the queue (Resources)",
        "job 7_3 has been cancelled; it is not replaced: 3 of 4 go on",
    ]


def test_who_leaves_because_nothing_is_left_is_missed_by_nobody() -> None:
    """At the end of a study its workers go one by one."""
    assert _said(RUNS, _ended("COMPLETED", 0, 1), _ended("COMPLETED", 0, 1, 2, 3), waiting_trials=0) == []
    assert _said(RUNS, RUNS[:2], [], waiting_trials=0) == []  # PBS says no more of a job that has ended
    both = [_ended("COMPLETED", 0)[0], _ended("FAILED", 1)[1], *RUNS[2:]]
    assert _said(RUNS, both, waiting_trials=0) == ["job 7_1 has ended (FAILED); it is not replaced: 2 of 4 go on"]


def test_a_job_that_goes_back_into_the_queue_is_not_missing() -> None:
    """It waits again: preemption, a failed node, a time limit."""
    assert _said(RUNS, _waits(1, "BeginTime")) == ["3 of 4 jobs run; 1 waits in the queue (BeginTime)"]


def test_who_attaches_hears_what_was_missing_before() -> None:
    """Of jobs that the scheduler has forgotten, how many; of many jobs the first are named."""
    line = "job 7_1 has been cancelled; 2 jobs of this launch have ended before; they are not replaced: 1 of 4 go on"
    assert _said([RUNS[0], JobState("7_1", "ended", "CANCELLED")]) == [line]
    many = [JobState(f"7_{task}", "ended", "NODE_FAIL") for task in range(11)]
    (line,) = _said([*many, JobState("7_11", "runs")], wanted=12)
    assert line.startswith("jobs 7_0, 7_1, 7_2, 7_3, 7_4, 7_5, 7_6, 7_7 and 3 more have ended (NODE_FAIL)")


@pytest.mark.parametrize(
    ("looks", "cancelled"),
    [
        ((_ended("CANCELLED", 0, 1, 2, 3),), ["7_0", "7_1", "7_2", "7_3"]),
        ((_ended("CANCELLED", 1),), []),
        # One was lost long before, another left by itself at the very end.
        ((_ended("FAILED", 0), [*_ended("FAILED", 0)[:1], *_ended("CANCELLED", 1, 2, 3)[1:]]), ["7_1", "7_2", "7_3"]),
        (([*_ended("COMPLETED", 0)[:1], *_ended("CANCELLED", 1, 2, 3)[1:]],), ["7_1", "7_2", "7_3"]),
        # Cancelled together, they end one after another.
        (([_ended("CANCELLED", 0)[0], *RUNS[1:]], _ended("CANCELLED", 0, 1, 2, 3)), ["7_0", "7_1", "7_2", "7_3"]),
        # Some were cancelled, and the rest was lost: others are wanted.
        (
            (
                _ended("CANCELLED", 1),
                [_ended("NODE_FAIL", 0)[0], *_ended("CANCELLED", 1)[1:2], *_ended("NODE_FAIL", 2, 3)[2:]],
            ),
            [],
        ),
        ((_ended("TIMEOUT", 0, 1, 2, 3),), []),
        ((_ended("PREEMPTED", 0, 1, 2, 3),), []),
        (([],), []),
    ],
    ids=["all", "one", "after a loss", "beside an end", "in turn", "before a loss", "limit", "preempted", "unknown"],
)
def test_cancelled_is_what_was_cancelled_at_last(looks: Sequence[Sequence[JobState]], cancelled: list[str]) -> None:
    """The launch has ended by it only if none of the last jobs was lost."""
    roster = Roster(4)
    for now, found in enumerate([RUNS, *looks]):
        roster.look(found, 5, now)
    assert sorted(roster.are_cancelled()) == cancelled


def test_how_a_forgotten_job_ended_may_be_learnt_later() -> None:
    """From accounting; what the queue has said of others stays."""
    roster = Roster(4)
    roster.look(RUNS, 5, 0)
    roster.look(_ended("CANCELLED", 0)[:1], 5, 1)
    assert roster.are_cancelled() == []
    roster.learn({one.job: "CANCELLED" for one in RUNS[1:]} | {"7_0": "FAILED"})
    assert sorted(roster.are_cancelled()) == [one.job for one in RUNS]
