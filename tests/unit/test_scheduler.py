# SPDX-License-Identifier: MIT
"""What Slurm's tables say of a worker's place, and how seldom and how quietly they are asked for."""

import logging
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app._slurm_answers import judge, live_jobs, parse_history, parse_queue
from hyperopt_app.scheduler import RUNNING, UNKNOWN, Place, SlurmQueue, Verdict, place_of

PLACE = Place("slurm", "main", "7", "7", 0, "n1", "0")
TASK = Place("slurm", "main", "7_2", "9", 0, "n1", "0")
ENVIRONMENT = {
    "SLURM_ARRAY_JOB_ID": "7",
    "SLURM_ARRAY_TASK_ID": "2",
    "SLURM_CLUSTER_NAME": "main",
    "SLURM_JOB_ID": "9",
    "SLURM_PROCID": "0",
    "SLURMD_NODENAME": "n1",
}


def gone(state: str) -> Verdict:
    """The verdict that a run has ended."""
    return Verdict(False, state)


def _row(job: str, raw: str, state: str, restart: int = 0, cluster: str = "main") -> str:
    """A line as squeue prints it."""
    return f"{job:<64}{raw:<24}{state:<24}{restart:<12}{cluster:<64}"


def test_the_place_is_read_from_slurms_variables() -> None:
    """A task of an array has the name that squeue gives it, and the number of its own."""
    assert place_of(ENVIRONMENT) == TASK
    assert place_of(ENVIRONMENT | {"SLURM_RESTART_COUNT": "3"}) == replace(TASK, restart=3)
    alone = {key: value for key, value in ENVIRONMENT.items() if "ARRAY" not in key}
    assert place_of(alone) == replace(TASK, job="9")


def test_a_shell_of_salloc_is_not_in_the_job() -> None:
    """It knows the job's number, but runs on a login node: the end of the job is not its end."""
    del (shell := dict(ENVIRONMENT))["SLURMD_NODENAME"]
    assert place_of(shell) == Place()


def test_the_place_under_pbs_has_the_short_host_name() -> None:
    """Outside of any scheduler nothing is known, not even the host."""
    place = place_of({"PBS_JOBID": "12[3].server"}, "node4.site.org")
    assert (place.scheduler, place.job, place.raw_job, place.node) == ("pbs", "12[3].server", "12[3].server", "node4")
    assert place_of({}, "node4.site.org") == Place()


@pytest.mark.parametrize("claimed", [{}, {"place": None}, {"place": {}}, {"place": {"rack": "b"}}])
def test_a_claim_without_a_place_has_an_empty_one(claimed: dict[str, Any]) -> None:
    """Claims of older versions have none, and those of newer ones may have more."""
    assert Place.of_claim(claimed) == Place()


def test_a_place_survives_being_claimed() -> None:
    """What is written can be read, whatever else stands beside it."""
    assert Place.of_claim({"place": asdict(TASK) | {"rack": "b"}}) == TASK


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("RUNNING", RUNNING),
        ("SUSPENDED", RUNNING),
        ("COMPLETING", UNKNOWN),
        ("CONFIGURING", UNKNOWN),
        *((state, UNKNOWN) for state in ("PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT")),
        ("STAGE_OUT", UNKNOWN),
        ("NEVER_HEARD_OF", UNKNOWN),
        *((state, gone(state)) for state in ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "PREEMPTED")),
        *((state, gone(state)) for state in ("NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE")),
    ],
)
def test_the_state_in_the_queue_decides(state: str, verdict: Verdict) -> None:
    """A run that is over is gone, with the word for it; what waits is no run yet: the answer is from before it."""
    rows = parse_queue("\n".join([_row("6", "6", "RUNNING"), _row("7", "7", state), _row("8", "8", "FAILED")]))
    assert judge(PLACE, rows, {}) == verdict


@pytest.mark.parametrize(
    ("restart", "verdict"), [(0, gone("REQUEUED")), (1, gone("REQUEUED")), (2, RUNNING), (3, UNKNOWN)]
)
def test_a_later_run_means_that_an_earlier_one_is_over(restart: int, verdict: Verdict) -> None:
    """The job runs for the third time."""
    rows = parse_queue(_row("7", "7", "RUNNING", 2))
    assert judge(replace(PLACE, restart=restart), rows, {}) == verdict


ARRAY = "\n".join(
    [
        *(_row(f"7_{task}", "7", "PENDING") for task in (3, 4)),
        _row("7_0", "8", "RUNNING"),
        _row("7_1", "10", "FAILED"),
        _row("7_2", "9", "RUNNING"),
    ]
)


@pytest.mark.parametrize(
    ("task", "raw", "verdict"), [(0, "8", RUNNING), (1, "10", gone("FAILED")), (9, "7", UNKNOWN), (3, "11", UNKNOWN)]
)
def test_every_task_of_an_array_has_its_own_state(task: int, raw: str, verdict: Verdict) -> None:
    """Those that wait share the array's own number, which the last one has when it starts."""
    assert judge(replace(TASK, job=f"7_{task}", raw_job=raw), parse_queue(ARRAY), {}) == verdict


def test_a_requeued_task_of_an_array_is_gone() -> None:
    """It keeps its number, also the last one, which has the array's."""
    rows = parse_queue("\n".join([_row("7_2", "9", "PENDING", 1), _row("7_9", "7", "PENDING", 1)]))
    assert judge(TASK, rows, {}) == gone("REQUEUED")
    assert judge(replace(TASK, job="7_9", raw_job="7"), rows, {}) == gone("REQUEUED")


def test_the_name_of_another_jobs_array_does_no_harm() -> None:
    """A job that was submitted from within a task has inherited that one's name and count of restarts."""
    rows = parse_queue("\n".join([_row("7_2", "9", "FAILED"), _row("12", "12", "RUNNING")]))
    assert judge(replace(TASK, raw_job="12"), rows, {}) == RUNNING
    assert judge(replace(TASK, raw_job="12", restart=1), rows, {}) == UNKNOWN


@pytest.mark.parametrize("rest", ["3-9%2", "3", "1,4-8:2", "0-9:5%1", "1,3,..."])
def test_the_waiting_rest_of_an_array_may_be_a_range(rest: str) -> None:
    """As squeue shows it on some versions: the array is left, and none of its runs is judged by it."""
    rows = parse_queue(_row(f"7_[{rest}]", "7", "PENDING"))
    assert judge(replace(TASK, job="7_3", raw_job="7"), rows, {}) == UNKNOWN
    assert live_jobs(["7", "8"], rows) == {"7"}


def test_a_part_of_a_job_of_several_parts_is_found_by_its_number() -> None:
    """Squeue shows such a job as `5+0` and `5+1`."""
    rows = parse_queue("\n".join([_row("5+0", "5", "RUNNING"), _row("5+1", "6", "FAILED")]))
    assert judge(replace(PLACE, job="5", raw_job="5"), rows, {}) == RUNNING
    assert judge(replace(PLACE, job="6", raw_job="6"), rows, {}) == gone("FAILED")


@pytest.mark.parametrize(
    ("runs", "restart", "verdict"),
    [
        ([], 0, UNKNOWN),
        (["OUT_OF_MEMORY"], 0, gone("OUT_OF_MEMORY")),
        (["CANCELLED by 1000"], 0, gone("CANCELLED")),
        (["RUNNING"], 0, UNKNOWN),
        (["NODE_FAIL", "RUNNING"], 0, gone("NODE_FAIL")),
        (["NODE_FAIL", "RUNNING"], 1, UNKNOWN),
        (["NODE_FAIL"], 1, UNKNOWN),
        (["REQUEUED", "PREEMPTED", "COMPLETED"], 1, gone("PREEMPTED")),
        (["RUNNING", "COMPLETED"], 0, gone("REQUEUED")),
        (["RESIZING", "RUNNING"], 0, UNKNOWN),
    ],
)
def test_accounting_decides_about_what_has_left_the_queue(runs: list[str], restart: int, verdict: Verdict) -> None:
    """Each run has a row of its own; what accounting has not heard of yet is not gone."""
    lines = [f"7|{state}|main|170000000{second}" for second, state in enumerate(runs)]
    known = parse_history("\n".join([*reversed(lines), "8|FAILED|main|1700000000"]))
    assert judge(replace(PLACE, restart=restart), {}, known) == verdict


def test_another_cluster_or_scheduler_tells_nothing() -> None:
    """The same number there is another job; nor does a queue that does not name its cluster."""
    runs = parse_history("7|FAILED|other|1700000000")
    assert judge(replace(PLACE, cluster="Main"), parse_queue(_row("7", "7", "RUNNING")), runs) == RUNNING
    assert judge(PLACE, parse_queue(_row("7", "7", "FAILED", cluster="other")), runs) == UNKNOWN
    assert judge(PLACE, parse_queue(_row("7", "7", "FAILED", cluster="")), {}) == UNKNOWN
    assert judge(replace(PLACE, scheduler="pbs"), parse_queue(_row("7", "7", "FAILED")), {}) == UNKNOWN
    assert judge(Place(), parse_queue(_row("7", "7", "FAILED")), {}) == UNKNOWN


@given(st.text() | st.text("78_[]-,%:+|. RUNIG\n"), st.integers(0, 2))
def test_garbage_is_no_evidence(text: str, restart: int) -> None:
    """Whatever is printed, either it is refused, or nobody is gone whose job stands nowhere."""
    history = {key: states for key, states in parse_history(text).items() if key[1] != "7"}
    try:
        queue = {key: row for key, row in parse_queue(text).items() if key[1] != "7"}
    except ValueError:
        queue = {}
    assert judge(replace(PLACE, restart=restart), queue, history) == UNKNOWN


@pytest.mark.parametrize("line", ["", "slurm_load_jobs error", "7 7 RUNNING", "7 7 RUNNING x main", "7 7 A 0 b c"])
def test_a_line_that_is_no_row_is_left_out(line: str) -> None:
    """The rows around it count; without any, it is not the answer to the question."""
    rows = parse_queue(f"{line}\n{_row('8', '8', 'RUNNING')}")
    assert [row.job for row in rows.values()] == ["8"]
    if line:
        with pytest.raises(ValueError, match="it wrote"):
            parse_queue(line)


class Slurm:
    """Stands in for the programs: answers with what a test says, and counts."""

    def __init__(self) -> None:
        self.squeue: Any = _row("7", "7", "RUNNING")
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


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


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
        slurm.squeue = _row("7", "7", "TIMEOUT")
    assert verdicts == [RUNNING, RUNNING, RUNNING, gone("TIMEOUT")]
    assert slurm.count() == 2
    assert f"--user={os.geteuid()}" in slurm.calls[0]


def test_an_answer_from_before_a_run_says_nothing_of_it(queue: SlurmQueue, slurm: Slurm, clock: Clock) -> None:
    """The job waited then, or did not exist; now it runs, and its worker has a trial."""
    slurm.squeue = "\n".join([_row("7", "7", "RUNNING"), _row("8", "8", "PENDING")])
    _verdict(queue, PLACE)
    slurm.squeue = "\n".join(_row(job, job, "RUNNING") for job in "789")
    others = [replace(PLACE, job=job, raw_job=job) for job in "89"]
    assert [_verdict(queue, other) for other in others] == [UNKNOWN, UNKNOWN]
    clock.now += 10
    assert [_verdict(queue, other) for other in others] == [RUNNING, RUNNING]


def test_one_call_answers_for_all(queue: SlurmQueue, slurm: Slurm, clock: Clock) -> None:
    """One of squeue for what it knows, one of sacct for the rest."""
    places = [replace(PLACE, job=str(number), raw_job=str(number)) for number in range(50)]
    slurm.squeue = "\n".join(_row(str(number), str(number), "RUNNING") for number in range(25))
    slurm.sacct = "\n".join(f"{number}|FAILED|main|1700000000" for number in range(25, 49))
    for place in places:
        _verdict(queue, place)
    clock.now += 10
    slurm.calls.clear()
    assert [_verdict(queue, place) for place in places] == [RUNNING] * 25 + [gone("FAILED")] * 24 + [UNKNOWN]
    assert (slurm.count("squeue"), slurm.count("sacct")) == (1, 1)


def test_who_is_gone_stays_gone_without_a_call(queue: SlurmQueue, slurm: Slurm, clock: Clock) -> None:
    """Also when Slurm has forgotten the job, or does not answer."""
    slurm.squeue = _row("7", "7", "OUT_OF_MEMORY")
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
    slurm.squeue = _row("7", "7", "RUNNING")
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
    """A study may be looked at from a machine that is no part of the cluster."""
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
    slurm.squeue, slurm.sacct = _row("8", "8", "CANCELLED"), answer
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
    rows = [_row(job, str(100 + at) if "_" in job else job, state) for at, (job, state) in enumerate(states.items())]
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
