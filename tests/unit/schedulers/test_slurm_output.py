# SPDX-License-Identifier: MIT
"""Where a worker runs, by its environment, and what Slurm's answers say of its run."""

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.schedulers.place import RUNNING, UNKNOWN, Place, Verdict
from hyperopt_app.schedulers.registry import place_of
from hyperopt_app.schedulers.slurm_output import (
    job_states,
    judge,
    live_jobs,
    parse_ends,
    parse_history,
    parse_queue,
    parse_rows,
)
from tests.unit._made_jobs import PLACE, TASK, gone, row

ENVIRONMENT = {
    "SLURM_ARRAY_JOB_ID": "7",
    "SLURM_ARRAY_TASK_ID": "2",
    "SLURM_CLUSTER_NAME": "main",
    "SLURM_JOB_ID": "9",
    "SLURM_PROCID": "0",
    "SLURMD_NODENAME": "n1",
}


def _by_queue(place: Place, *lines: str) -> Verdict:
    return judge(place, parse_queue("\n".join(lines)), {})


def test_the_place_is_read_from_slurms_variables() -> None:
    """A task of an array has its number in the array, and one of its own."""
    assert place_of(ENVIRONMENT) == TASK
    assert place_of(ENVIRONMENT | {"SLURM_RESTART_COUNT": "3"}).restart == 3
    assert place_of(ENVIRONMENT | {"SLURM_RESTART_COUNT": "x"}).restart == 0
    assert place_of(ENVIRONMENT | {"SLURM_STEP_NUM_TASKS": "4"}).tasks == 4
    alone = {key: value for key, value in ENVIRONMENT.items() if "ARRAY" not in key}
    assert place_of(alone) == replace(TASK, job="9")


def test_a_shell_of_salloc_is_not_in_the_job() -> None:
    """It has the job's number, but it runs on a login node and does not end with the job."""
    del (shell := dict(ENVIRONMENT))["SLURMD_NODENAME"]
    assert place_of(shell, "login") == Place()


def test_the_place_under_pbs_has_the_first_part_of_the_hosts_name() -> None:
    """Outside of any scheduler nothing is known, not even the host."""
    place = place_of({"PBS_JOBID": "12[3].server"}, "node4.site.org")
    assert (place.scheduler, place.job, place.raw_job, place.node) == ("pbs", "12[3].server", "12[3].server", "node4")
    assert place_of({}, "node4.site.org") == Place()


@pytest.mark.parametrize("stored", [None, {}, "7", [], {"scheduler": 1, "job": None, "restart": "x"}, {"rack": "b"}])
def test_a_claim_whose_place_cannot_be_read_has_an_empty_one(stored: Any) -> None:
    """Claims of older versions have none, and those of newer ones may have other fields."""
    assert Place.of_claim({"worker": "w", "place": stored}) == Place()
    assert Place.of_claim({"worker": "w"}) == Place()


@given(st.builds(Place))
def test_a_place_survives_being_claimed(place: Place) -> None:
    """What a claim holds can be read, whatever else stands beside it."""
    assert Place.of_claim({"place": {**asdict(place), "rack": "b"}}) == place


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        *((state, RUNNING) for state in ("RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING")),
        *((state, UNKNOWN) for state in ("COMPLETING", "STAGE_OUT", "NEVER_HEARD_OF")),
        *((state, UNKNOWN) for state in ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT")),
        *((state, gone(state)) for state in ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "PREEMPTED", "REVOKED")),
        *((state, gone(state)) for state in ("NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE")),
    ],
)
def test_the_state_in_the_queue_decides(state: str, verdict: Verdict) -> None:
    """While processes are being ended nothing is certain; a run that waits is not the one that has claimed."""
    assert _by_queue(PLACE, row("6", "6", "RUNNING"), row("7", "7", state), row("8", "8", "FAILED")) == verdict


@pytest.mark.parametrize("state", ["PENDING", "CONFIGURING", "RUNNING", "REQUEUE_HOLD", "SPECIAL_EXIT", "CANCELLED"])
def test_a_later_run_means_that_an_earlier_one_has_ended(state: str) -> None:
    """The job was put back into the queue twice, whatever has become of it."""
    verdicts = [_by_queue(replace(PLACE, restart=restart), row("7", "7", state, 2)) for restart in range(4)]
    assert verdicts[:2] == [gone("REQUEUED")] * 2
    assert verdicts[3] == UNKNOWN


@pytest.mark.parametrize("restart", [0, 1])
def test_processes_of_a_job_that_is_completing_may_still_be_there(restart: int) -> None:
    """When a run is put back into the queue, the count goes up at once, before its processes have ended."""
    assert _by_queue(PLACE, row("7", "7", "COMPLETING", restart)) == UNKNOWN


def test_every_task_of_an_array_has_its_own_state() -> None:
    """Tasks that wait share one number; the other names of a job may be inherited from the job that submitted it."""
    lines = [
        row("7_[3-9%2]", "7", "PENDING"),
        row("7_0", "8", "RUNNING"),
        row("7_1", "10", "FAILED"),
        row("7_2", "9", "OUT_OF_MEMORY"),
        row("12", "12", "RUNNING"),
    ]
    places = [replace(TASK, job=f"7_{task}", raw_job=raw) for task, raw in ((0, "8"), (1, "10"), (2, "9"), (9, "7"))]
    verdicts = [_by_queue(place, *lines) for place in places]
    assert verdicts == [RUNNING, gone("FAILED"), gone("OUT_OF_MEMORY"), UNKNOWN]
    assert _by_queue(replace(TASK, job="7_1", raw_job="12"), *lines) == RUNNING


def test_a_task_of_an_array_that_was_requeued_keeps_its_number() -> None:
    """Also the last one, which has the array's."""
    lines = [row("7_2", "9", "PENDING", 1), row("7_9", "7", "PENDING", 1)]
    assert _by_queue(TASK, *lines) == gone("REQUEUED")
    assert _by_queue(replace(TASK, job="7_9", raw_job="7"), *lines) == gone("REQUEUED")


def test_a_part_of_a_job_of_several_parts_is_found_by_its_number() -> None:
    """Squeue shows such a job as `5+0` and `5+1`."""
    lines = [row("5+0", "5", "RUNNING"), row("5+1", "6", "FAILED")]
    assert _by_queue(replace(PLACE, job="5", raw_job="5"), *lines) == RUNNING
    assert _by_queue(replace(PLACE, job="6", raw_job="6"), *lines) == gone("FAILED")


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
        (["RUNNING", "PENDING"], 0, gone("REQUEUED")),
        (["RESIZING", "RUNNING"], 0, UNKNOWN),
        (["RESIZING", "FAILED"], 0, gone("FAILED")),
    ],
)
def test_accounting_decides_about_what_has_left_the_queue(runs: list[str], restart: int, verdict: Verdict) -> None:
    """Each run has a row, and each size of it; what accounting has not heard of yet has not ended."""
    lines = [f"7|{state}|main|{submitted}" for submitted, state in enumerate(runs, 998)]
    history = parse_history("\n".join([*reversed(lines), "8|FAILED|main|1", "7|FAILED|other|1"]))
    assert judge(replace(PLACE, restart=restart), {}, history) == verdict


def test_what_the_queue_says_comes_before_accounting() -> None:
    """A row of accounting may be seconds old."""
    history = parse_history("7|CANCELLED|main|1000")
    assert judge(PLACE, parse_queue(row("7", "7", "COMPLETING")), history) == UNKNOWN


@pytest.mark.parametrize("cluster", ["other", ""])
def test_another_cluster_tells_nothing(cluster: str) -> None:
    """The same number there is another job; the case of a cluster's name means nothing."""
    queue, history = parse_queue(row("7", "7", "FAILED", cluster=cluster)), parse_history(f"7|FAILED|{cluster}|1")
    assert judge(PLACE, queue, {}) == judge(PLACE, {}, history) == UNKNOWN
    assert _by_queue(replace(PLACE, cluster="Main"), row("7", "7", "FAILED", cluster="mAIN")) == gone("FAILED")


@pytest.mark.parametrize("place", [Place(), replace(PLACE, scheduler="pbs"), replace(PLACE, raw_job="")])
def test_another_scheduler_is_not_known_to_slurm(place: Place) -> None:
    """Nor is a worker outside of any."""
    assert _by_queue(place, row("7", "7", "FAILED"), row("0", "", "FAILED")) == UNKNOWN


@given(st.text() | st.text("789_[]-,%:+|. RUNIG\n"), st.integers(0, 2))
def test_garbage_is_no_evidence(text: str, restart: int) -> None:
    """Whatever is written, nothing breaks, and no run has ended that is not named."""
    place = replace(PLACE, raw_job="123456", restart=restart)
    assert judge(place, {}, parse_history(text)) == UNKNOWN
    try:
        queue = parse_queue(text)
    except ValueError:
        return
    assert judge(place, queue, {}) == UNKNOWN


@pytest.mark.parametrize("line", ["", "7 7 RUNNING", "7 7 RUNNING x main", "7 7 RUNNING 0 b c", "CLUSTER: main", "x"])
def test_a_line_that_is_no_job_is_passed_over(line: str) -> None:
    """The jobs around it count; without any, it is not the answer to the question."""
    assert [one.job for one in parse_queue(f"{line}\n{row('8', '8', 'RUNNING')}").values()] == ["8"]
    if line and not line.startswith("CLUSTER:"):
        with pytest.raises(ValueError, match="it wrote"):
            parse_queue(line)


STATES = st.sampled_from(["RUNNING", "COMPLETING", "PENDING", "FAILED", "NODE_FAIL", "REQUEUED", "SUSPENDED"])


@given(st.lists(STATES, max_size=4), st.integers(0, 4), STATES, st.integers(0, 4))
def test_who_has_ended_by_an_older_answer_has_ended(
    runs: list[str], restart: int, state: str, restart_of_row: int
) -> None:
    """An answer from before a run began never says that this run has ended; so a memory may be believed."""
    place = replace(PLACE, restart=restart)
    if restart_of_row < restart or (restart_of_row == restart and state in {"PENDING", "REQUEUED"}):
        assert not _by_queue(place, row("7", "7", state, restart_of_row)).is_gone
    if len(runs) <= restart:
        history = parse_history("\n".join(f"7|{word}|main|{at}" for at, word in enumerate(runs)))
        assert not judge(place, {}, history).is_gone


def test_an_array_is_alive_as_long_as_one_of_its_tasks() -> None:
    """Jobs that wait, run or are being cleaned up are; others have ended, or were never known."""
    lines = [
        *(row("5", "5", "COMPLETING"), row("6", "6", "FAILED"), row("8_[3-9%2]", "8", "PENDING")),
        *(row("9_0", "10", "COMPLETED"), row("9_1", "11", "RUNNING"), row("12+1", "13", "RUNNING")),
    ]
    queue = parse_queue("\n".join(lines))
    assert live_jobs(["5", "6", "7", "8", "9", "10", "12"], queue) == {"5", "8", "9", "12"}


# What Slurm 22.05 has written: squeue of an array of which two tasks had no room, after its user had cancelled it, and
# of a job for a node that is down; then sacct of the former.
SQUEUE = [
    row("1_4", "1", "CANCELLED") + "Resources",
    row("1_5", "1", "PENDING") + "Resources",
    row("1_0", "2", "COMPLETING") + "None",
    row("1_1", "3", "RUNNING") + "None",
    row("9", "9", "NODE_FAIL") + "NodeDown",
    row("10", "10", "PENDING") + "ReqNodeNotAvail, UnavailableNodes:n1",
]
SACCT = """1_0|CANCELLED by 0
1_1|CANCELLED by 1000
1_[2-3,5%2]|CANCELLED by 0
7|PREEMPTED
8|CANCELLED
9|NODE_FAIL
10|RUNNING
x
"""


def test_each_task_of_an_array_stands_for_itself() -> None:
    """Also those that were never started, which share a number; why one waits is said without the names of nodes."""
    found = job_states(["1", "10"], parse_rows("\n".join(SQUEUE)))
    assert [(one.job, one.phase, one.reason) for one in found] == [
        ("1_4", "ended", "Resources"),
        ("1_5", "waits", "Resources"),
        ("1_0", "leaves", ""),
        ("1_1", "runs", ""),
        ("10", "waits", "ReqNodeNotAvail"),
    ]


def test_accounting_tells_who_has_cancelled_a_job() -> None:
    """By the user's number; tasks that never ran are in one row."""
    by_root = dict.fromkeys(("1_0", "1_2", "1_3", "1_5"), ("CANCELLED", 0))
    others = {"1_1": ("CANCELLED", 1000), "7": ("PREEMPTED", None), "8": ("CANCELLED", None)}
    assert parse_ends(SACCT) == {**by_root, **others, "9": ("NODE_FAIL", None)}
