# SPDX-License-Identifier: MIT
"""How seldom and how quietly Slurm is asked, and what is believed of what it has said before."""

import logging
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.schedulers.place import RUNNING, UNKNOWN, Place, Verdict
from hyperopt_app.schedulers.slurm_queue import SlurmQueue
from tests.unit._made_clock import Clock
from tests.unit._made_jobs import PLACE, TASK, gone, row


class Slurm:
    """Stands in for the programs: answers with what a test says, and counts."""

    def __init__(self) -> None:
        self.squeue: Any = row("7", "7", "RUNNING")
        self.sacct: Any = ""
        self.calls: list[Sequence[str]] = []

    def __call__(self, command: Sequence[str]) -> str:
        """Run a program."""
        self.calls.append(command)
        answer = getattr(self, command[0])
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    def count(self, program: str = "squeue") -> int:
        """How often a program was called."""
        return sum(command[0] == program for command in self.calls)


def _verdict(queue: SlurmQueue, place: Place) -> Verdict:
    return queue.verdict({"place": asdict(place)})


@pytest.fixture
def slurm() -> Slurm:
    """Programs that work; job 7 runs."""
    return Slurm()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def queue(slurm: Slurm, clock: Clock) -> SlurmQueue:
    """A queue that has not been asked yet."""
    return SlurmQueue(slurm, clock)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What has been logged since the last look."""
    caplog.set_level(logging.INFO)

    def lines() -> list[str]:
        found = [f"{record.levelname} {record.getMessage()}" for record in caplog.records]
        caplog.clear()
        return found

    return lines


def test_the_memory_answers_between_two_calls(queue: SlurmQueue, slurm: Slurm, clock: Clock) -> None:
    """Ten seconds lie between them, however often somebody asks."""
    verdicts = []
    for at in (0, 1, 9.9, 10):
        clock.now = 1000.0 + at
        verdicts.append(_verdict(queue, PLACE))
        slurm.squeue = row("7", "7", "TIMEOUT")
    assert verdicts == [RUNNING, RUNNING, RUNNING, gone("TIMEOUT")]
    assert slurm.count() == 2
    assert f"--user={os.geteuid()}" in slurm.calls[0]


def test_an_answer_from_before_a_run_says_nothing_of_it(queue: SlurmQueue, slurm: Slurm, clock: Clock) -> None:
    """The job waited then, or did not exist; now it runs, and its worker has a trial."""
    slurm.squeue = "\n".join([row("7", "7", "RUNNING"), row("8", "8", "PENDING")])
    _verdict(queue, PLACE)
    slurm.squeue = "\n".join(row(job, job, "RUNNING") for job in "789")
    others = [replace(PLACE, job=job, raw_job=job) for job in "89"]
    assert [_verdict(queue, other) for other in others] == [UNKNOWN, UNKNOWN]
    clock.now += 10
    assert [_verdict(queue, other) for other in others] == [RUNNING, RUNNING]


def test_one_call_answers_for_all(queue: SlurmQueue, slurm: Slurm, clock: Clock) -> None:
    """One of squeue for what it knows, one of sacct for the rest, also if somebody asks for one after the other."""
    places = [replace(PLACE, job=str(number), raw_job=str(number)) for number in range(50)]
    slurm.squeue = "\n".join(row(str(number), str(number), "RUNNING") for number in range(25))
    slurm.sacct = "\n".join(f"{number}|FAILED|main|1700000000" for number in range(25, 49))
    for place in places:
        _verdict(queue, place)
    clock.now += 10
    slurm.calls.clear()
    assert [_verdict(queue, place) for place in places] == [RUNNING] * 25 + [gone("FAILED")] * 24 + [UNKNOWN]
    assert (slurm.count("squeue"), slurm.count("sacct")) == (1, 1)


def test_the_tasks_of_an_array_are_asked_for_together(queue: SlurmQueue, slurm: Slurm) -> None:
    """Who asks for one will ask for the next."""
    slurm.squeue, slurm.sacct = "", "8|FAILED|main|1000\n9|TIMEOUT|main|1000"
    assert _verdict(queue, TASK) == gone("TIMEOUT")
    assert "--jobs=7,9" in slurm.calls[1]
    assert _verdict(queue, replace(TASK, job="7_1", raw_job="8")) == gone("FAILED")
    assert len(slurm.calls) == 2


def test_who_is_gone_stays_gone_without_a_call(queue: SlurmQueue, slurm: Slurm, clock: Clock) -> None:
    """Also when Slurm has forgotten the job, or does not answer."""
    slurm.squeue = row("7", "7", "OUT_OF_MEMORY")
    _verdict(queue, PLACE)
    slurm.squeue = FileNotFoundError("squeue")
    clock.now += 1000
    assert _verdict(queue, PLACE) == gone("OUT_OF_MEMORY")
    assert slurm.count() == 1


@pytest.mark.parametrize("place", [Place(), Place("pbs", "", "7.server", "7.server")])
def test_nobody_is_asked_about_a_place_outside_slurm(queue: SlurmQueue, slurm: Slurm, place: Place) -> None:
    """A worker outside of it makes no call."""
    assert _verdict(queue, place) == UNKNOWN
    assert not slurm.calls


FAILURES = {
    "controller": subprocess.CalledProcessError(
        1, "x", "", "slurm_load_jobs error: Unable to contact slurm controller\nmore"
    ),
    "status": subprocess.CalledProcessError(2, "x", "", ""),
    "time": subprocess.TimeoutExpired("squeue", 10),
    "permission": PermissionError(13, "Permission denied"),
    "garbage": "module: command not found",
}


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_a_queue_that_fails_is_asked_less_and_less(
    queue: SlurmQueue, slurm: Slurm, clock: Clock, told: Callable[[], list[str]], failure: str
) -> None:
    """After 10, 20, 40, 80 and then every 160 seconds, with one warning; nobody is gone for that. Then all is well."""
    slurm.squeue = FAILURES[failure]
    asked: list[int] = []
    for second in range(700):
        clock.now = 1000.0 + second
        assert _verdict(queue, PLACE) == UNKNOWN
        assert queue.alive(["7"]) is None
        if slurm.count() > len(asked):
            asked.append(second)
    assert asked == [0, 10, 30, 70, 150, 310, 470, 630]
    (line,) = told()
    assert line.startswith("WARNING squeue failed (")
    assert "leases" in line
    assert "more" not in line
    slurm.squeue = row("7", "7", "RUNNING")
    clock.now += 160
    assert _verdict(queue, PLACE) == RUNNING
    assert told() == ["INFO squeue works again"]
    slurm.squeue = FAILURES[failure]
    clock.now += 10
    assert _verdict(queue, PLACE) == UNKNOWN
    assert len(told()) == 1


def test_without_squeue_nothing_is_known_and_nothing_said(
    queue: SlurmQueue, slurm: Slurm, told: Callable[[], list[str]]
) -> None:
    """A study may be looked at from a machine that is not part of the cluster."""
    slurm.squeue = FileNotFoundError(2, "No such file or directory", "squeue")
    assert _verdict(queue, PLACE) == UNKNOWN
    assert queue.alive(["7"]) is None
    assert not told()


@pytest.mark.parametrize(
    "answer",
    [FileNotFoundError("sacct"), subprocess.CalledProcessError(1, "x", "", "Slurm accounting storage is disabled\n")],
    ids=["none", "off"],
)
def test_without_accounting_the_queue_alone_tells(
    queue: SlurmQueue, slurm: Slurm, clock: Clock, told: Callable[[], list[str]], answer: Any
) -> None:
    """It still knows jobs that have ended some minutes ago."""
    slurm.squeue, slurm.sacct = row("8", "8", "CANCELLED"), answer
    other = replace(PLACE, job="8", raw_job="8")
    for _ in range(2):
        _verdict(queue, PLACE)
        _verdict(queue, other)
        clock.now += 10
    assert (_verdict(queue, PLACE), _verdict(queue, other)) == (UNKNOWN, gone("CANCELLED"))
    assert not told()


def test_accounting_that_fails_has_a_series_of_its_own(
    queue: SlurmQueue, slurm: Slurm, clock: Clock, told: Callable[[], list[str]]
) -> None:
    """The queue is asked as ever, and one warning is enough."""
    slurm.squeue, slurm.sacct = (
        "",
        subprocess.CalledProcessError(1, "x", "", "sacct: error: slurmdbd: Connection refused"),
    )
    for _ in range(6):
        assert _verdict(queue, PLACE) == UNKNOWN
        clock.now += 10
    assert (slurm.count("squeue"), slurm.count("sacct")) == (6, 3)
    (line,) = told()
    assert line.startswith("WARNING sacct failed (sacct: error: slurmdbd: Connection refused)")


def test_a_number_that_is_none_is_not_asked_for(queue: SlurmQueue, slurm: Slurm) -> None:
    """One claim that cannot be read must not take the answer from the others."""
    assert _verdict(queue, replace(PLACE, job="x", raw_job="x")) == UNKNOWN
    assert slurm.count("sacct") == 0


def test_a_driver_sees_which_of_its_jobs_are_left(queue: SlurmQueue, slurm: Slurm) -> None:
    """They wait, run or are being cleaned up; an array is left as long as one of its tasks is."""
    states = {"5": "COMPLETING", "6": "FAILED", "8": "PENDING", "9_0": "COMPLETED", "9_1": "RUNNING"}
    rows = [row(job, str(100 + at) if "_" in job else job, state) for at, (job, state) in enumerate(states.items())]
    slurm.squeue = "\n".join(rows)
    assert queue.alive(["5", "6", "7", "8", "9"]) == {"5", "8", "9"}
    assert queue.alive([]) == set()


def test_a_job_that_was_submitted_after_the_answer_has_to_wait(queue: SlurmQueue, slurm: Slurm, clock: Clock) -> None:
    """The memory cannot know it; the next answer does."""
    slurm.squeue = ""
    assert queue.alive(["7"]) == set()
    clock.now += 1
    assert queue.alive(["7", "8"]) is None
    clock.now += 9
    assert queue.alive(["7", "8"]) == set()
    assert slurm.count() == 2


def test_a_users_own_settings_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets a filter or a format for squeue sets it for his own eyes."""
    program = tmp_path / "squeue"
    program.write_text('#!/bin/sh\nif [ -z "$SQUEUE_STATES$SACCT_FORMAT" ]; then echo 7 7 FAILED 0 main; fi\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SQUEUE_STATES", "PENDING")
    monkeypatch.setenv("SACCT_FORMAT", "JobID")
    assert _verdict(SlurmQueue(), PLACE) == gone("FAILED")


def test_a_task_by_task_answer_is_squeues_last(queue: SlurmQueue, slurm: Slurm, clock: Clock) -> None:
    """As seldom as any other question; None while squeue fails."""
    slurm.squeue = "\n".join([row("7_0", "8", "RUNNING") + "None", row("7_1", "7", "PENDING") + "Priority"])
    for _ in range(3):
        assert [(one.job, one.phase, one.reason) for one in queue.jobs(["7"]) or ()] == [
            ("7_0", "runs", ""),
            ("7_1", "waits", "Priority"),
        ]
    assert slurm.count() == 1
    clock.now += 10
    slurm.squeue = OSError("no")
    assert queue.jobs(["7"]) is None


def test_who_has_cancelled_a_job_is_asked_of_accounting(queue: SlurmQueue, slurm: Slurm) -> None:
    """By the arrays' numbers; where there is no accounting nobody can say, and it is not asked again."""
    slurm.sacct = "7_1|CANCELLED by 3\n"
    assert queue.ends(["7_0", "7_1", "9"]) == {"7_1": ("CANCELLED", 3)}
    assert slurm.calls[-1][-1] == "--jobs=7,9"
    slurm.sacct = subprocess.CalledProcessError(1, "sacct", stderr="Slurm accounting storage is disabled")
    assert queue.ends(["7_0"]) is None
    assert queue.ends(["7_0"]) is None
    assert slurm.count("sacct") == 2
