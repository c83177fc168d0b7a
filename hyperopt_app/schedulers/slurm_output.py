# SPDX-License-Identifier: MIT
"""Parse the answers of squeue and sacct, and decide whether a job still lives.

A job is identified by its cluster and its own number. The name of the array and the restart count may be wrong,
because a job submitted from a job inherits them; the number is never inherited.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from hyperopt_app.schedulers.place import RUNNING, UNKNOWN, Place, Verdict, is_number
from hyperopt_app.schedulers.roster import JobState, Phase

__all__ = [
    "ENDS_OPTIONS",
    "HISTORY_OPTIONS",
    "QUEUE_OPTIONS",
    "History",
    "Key",
    "Queue",
    "QueueRow",
    "by_key",
    "job_states",
    "judge",
    "key_of",
    "live_jobs",
    "parse_ends",
    "parse_history",
    "parse_queue",
    "parse_rows",
]

# Columns of a fixed width: what an old squeue makes of separators differs, and no value but the last holds a space.
QUEUE_OPTIONS = (
    *("--all", "--array", "--states=all", "--noheader"),
    "--Format=JobArrayID:64,JobID:32,State:32,RestartCnt:16,Cluster:64,Reason:96",
)
_REASON_AT = 64 + 32 + 32 + 16 + 64
# Of 30 days, so that no older job of the same number is met. The times are asked for in seconds since 1970.
HISTORY_OPTIONS = (
    *("--allocations", "--duplicates", "--noheader", "--parsable2", "--starttime=now-30days"),
    "--format=JobIDRaw,State,Cluster,Submit",
)
# Of each job the last run: who has cancelled it stands nowhere else.
ENDS_OPTIONS = ("--allocations", "--noheader", "--parsable2", "--starttime=now-30days", "--format=JobID,State")

# COMPLETING is in none of these: processes may still be there. So is what a newer Slurm may say.
_LIVE = {"RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING"}
_WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
_ENDED = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
    *("REVOKED", "TIMEOUT"),
}


class QueueRow(NamedTuple):
    """A job as squeue prints it: the fields of `Place`, and why it waits, without names of nodes."""

    job: str
    raw_job: str
    state: str
    restart: int
    cluster: str
    reason: str


# By cluster, in lower case, and the job's own number. Tasks of an array that were never started share one number.
Key = tuple[str, str]
Queue = Mapping[Key, QueueRow]
History = Mapping[Key, Sequence[str]]


def parse_queue(text: str) -> dict[Key, QueueRow]:
    """Parse squeue's output; other lines are skipped.

    Raises:
        ValueError: There are lines, but no job could be read: this is not the answer to our question.
    """
    return by_key(parse_rows(text))


def by_key(rows: Iterable[QueueRow]) -> dict[Key, QueueRow]:
    """Map cluster and number to rows; of several with one number, which are waiting tasks, the last."""
    return {(row.cluster.casefold(), row.raw_job): row for row in rows}


def parse_rows(text: str) -> list[QueueRow]:
    """Parse every line of squeue's output: the tasks of an array that never started share a number.

    Raises:
        ValueError: As `parse_queue`.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("CLUSTER:")]
    rows = []
    for line in lines:
        words, reason = line[:_REASON_AT].split(), line[_REASON_AT:].strip()
        job, raw_job, state, restart, cluster, *rest = [*words, "", "", "", "", ""]
        if is_number(raw_job) and _is_word(state) and is_number(restart) and not any(rest):
            rows.append(QueueRow(job, raw_job, state, int(restart), cluster, reason.partition(",")[0]))
    if lines and not rows:
        raise ValueError(f"it wrote {lines[0].strip()[:80]!r}")
    return rows


def parse_history(text: str) -> dict[Key, list[str]]:
    """Parse sacct's output: the states of each job's runs, in the order in which they were queued."""
    runs: list[tuple[int, Key, str]] = []
    for line in text.splitlines():
        raw_job, state, cluster, submitted, *rest = [*line.split("|"), "", "", ""]
        word = state.partition(" ")[0]  # CANCELLED by 1000
        # A run that is resized has a row for each size; the last tells how it ended.
        if is_number(raw_job) and _is_word(word) and is_number(submitted) and not any(rest) and word != "RESIZING":
            runs.append((int(submitted), (cluster.casefold(), raw_job), word))
    history: dict[Key, list[str]] = {}
    for _, key, word in sorted(runs, key=lambda run: run[0]):
        history.setdefault(key, []).append(word)
    return history


def _is_word(text: str) -> bool:
    return re.fullmatch(r"[A-Z_]+", text) is not None


def judge(place: Place, queue: Queue, history: History) -> Verdict:
    """Decide whether the run in which a claim was made still runs.

    That it has ended stays true for ever, so an answer that is a little old may say so.

    Args:
        place: The claim's.
        queue: What squeue has said.
        history: What sacct has said, which learns of things seconds later; for jobs that squeue does not know.
    """
    if place.scheduler != "slurm" or not place.raw_job:
        return UNKNOWN
    row = queue.get(key_of(place))
    return _by_history(place, history.get(key_of(place), ())) if row is None else _by_queue(place, row)


def key_of(place: Place) -> Key:
    """Return the key under which Slurm's answers list a place's job."""
    return (place.cluster.casefold(), place.raw_job)


def _by_queue(place: Place, row: QueueRow) -> Verdict:
    # An answer from before this run, or a count of restarts that was inherited from another job.
    if row.restart < place.restart or row.state not in _LIVE | _WAITING | _ENDED:
        return UNKNOWN
    if row.restart > place.restart:
        return Verdict(False, "REQUEUED")
    if row.state in _ENDED:
        return Verdict(False, row.state)
    # A run that waits is not a run yet: the answer is from before it.
    return RUNNING if row.state in _LIVE else UNKNOWN


def _by_history(place: Place, states: Sequence[str]) -> Verdict:
    # If early runs are missing there, the one at the place of ours is later than ours, and what is said is still true.
    if place.restart >= len(states):
        return UNKNOWN
    state = states[place.restart]
    if state in _ENDED or state == "REQUEUED":
        return Verdict(False, state)
    return Verdict(False, "REQUEUED") if place.restart + 1 < len(states) else UNKNOWN


def live_jobs(jobs: Iterable[str], queue: Queue) -> set[str]:
    """Return which of these jobs still wait, run or are being cleaned up.

    Args:
        jobs: As `sbatch` has printed them: an array by its one number.
        queue: What squeue has said.
    """
    numbers = {number for row in queue.values() if row.state not in _ENDED for number in _numbers(row)}
    return {job for job in jobs if job in numbers}


def job_states(jobs: Iterable[str], rows: Iterable[QueueRow]) -> list[JobState]:
    """Return these jobs one by one, arrays by their tasks.

    Args:
        jobs: As `sbatch` has printed them: an array by its one number.
        rows: What squeue has said.
    """
    wanted = set(jobs)
    return [
        JobState(row.job, _phase(row.state), row.state, "" if row.reason == "None" else row.reason)
        for row in rows
        if _numbers(row) & wanted
    ]


def _numbers(row: QueueRow) -> set[str]:
    return {row.raw_job, re.split("[_+]", row.job)[0]}


def _phase(state: str) -> Phase:
    if state in _ENDED:
        return "ended"
    if state in _WAITING:
        return "waits"
    return "runs" if state in _LIVE else "leaves"


def parse_ends(text: str) -> dict[str, tuple[str, int | None]]:
    """Parse sacct's output for `ENDS_OPTIONS`: how each job's last run ended, and who cancelled it.

    Tasks of an array that never ran have one row, `7_[2-3,5]`; each has its own entry here.
    """
    ends: dict[str, tuple[str, int | None]] = {}
    for line in text.splitlines():
        job, _, state = line.partition("|")
        word, _, rest = state.partition(" ")
        uid = rest.removeprefix("by ").strip()
        if word in _ENDED:  # accounting may not have heard of the end yet
            ends.update(dict.fromkeys(_tasks(job), (word, int(uid) if is_number(uid) else None)))
    return ends


def _tasks(job: str) -> list[str]:
    array, _, tasks = job.partition("_")
    if not tasks.startswith("["):
        return [job]
    ranges = [part.partition("-") for part in tasks.strip("[]").partition("%")[0].split(",")]
    return [
        f"{array}_{task}"
        for first, _, last in ranges
        if is_number(first) and (not last or is_number(last))
        for task in range(int(first), int(last or first) + 1)
    ]
