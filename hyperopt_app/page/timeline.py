# SPDX-License-Identifier: MIT
"""Say when which worker ran which trial, what became of it, and what the time was spent on."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from hyperopt_app.cost.worker_times import WorkerTime
from hyperopt_app.study import trial_facts
from hyperopt_app.study.records.trial_records import ended_attempts_of, holder_of
from hyperopt_app.support.display_text import visible

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["OUTCOMES", "Span", "spans_of", "timeline_of"]

# What became of an attempt; the page knows it by its place here.
OUTCOMES = ("complete", "pruned", "failed", "running", "interrupted")


@dataclass(frozen=True)
class Span:
    """One attempt at a trial; times in seconds since the epoch.

    Attributes:
        row: The worker's place and machine, as people see it.
        worker: The worker process.
        begun: When it began.
        ended: When it ended, or the present for one that runs.
        number: The trial's.
        outcome: One of `OUTCOMES`.
    """

    row: str
    worker: str
    begun: float
    ended: float
    number: int
    outcome: str


def spans_of(trials: Sequence["FrozenTrial"], now: float | None = None) -> list[Span]:
    """Return every attempt at the trials, by the time of its beginning.

    Args:
        trials: Trials of one study.
        now: When an attempt that runs shall have ended; the present by default.
    """
    now = time.time() if now is None else now
    spans = [span for trial in trials for span in _spans(trial, now)]
    return sorted(spans, key=lambda span: (span.begun, span.number))


def _spans(trial: "FrozenTrial", now: float) -> list[Span]:
    attempts = trial_facts.attempts_of(trial, now if trial.state.name == "RUNNING" else None)
    interrupted = {float(record["begun"]) for record in ended_attempts_of(trial)}
    state = trial_facts.state_word(trial)
    return [
        Span(
            _row_of_worker(attempt.worker, trial),
            attempt.worker,
            attempt.begun,
            attempt.ended,
            trial.number,
            "interrupted" if attempt.begun in interrupted else state,
        )
        for attempt in attempts
        if attempt.begun not in interrupted or attempt.ended > attempt.begun
    ]


def _row_of_worker(worker: str, trial: "FrozenTrial") -> str:
    """Return `host, worker 3` from a worker's name, `3-host-pid-letters`; a restarted job goes on in its row."""
    number, _, rest = worker.partition("-")
    host = rest.rsplit("-", 2)[0] if rest.count("-") >= 2 else ""
    if not host:
        claim = holder_of(trial)
        number, host = str(claim.get("number", "")), str(claim.get("host", ""))
    return visible(f"{host or 'unknown machine'}, worker {number or '?'}")


def timeline_of(spans: Sequence[Span], workers: Sequence[WorkerTime] = ()) -> dict[str, Any] | None:
    """Return the attempts as plain data; None without any.

    Args:
        spans: The attempts.
        workers: When the workers were at work, as far as that is known.

    Returns:
        The rows, columns of the attempts, and as `work` columns of the times at work. A worker that comes after another
        one in the same row is `again` there: its job went back into the queue, or the search was begun anew. Workers of
        one number that are there at a time, of two commands on one machine, have a row each.
    """
    if not spans:
        return None
    own = _rows_of_their_own(spans, workers)
    spans = [replace(span, row=own.get(span.worker, span.row)) for span in spans]
    rows = {span.row for span in spans} | {own[known.worker] for known in workers}
    places = {row: place for place, row in enumerate(sorted(rows, key=_in_order))}
    first = min([span.begun for span in spans] + [known.begun for known in workers])
    return {
        "work": _work(workers, own, places, first),
        "rows": list(places),
        "first": round(first, 1),
        "row": [places[span.row] for span in spans],
        "begun": [round(span.begun - first, 1) for span in spans],
        "length": [round(span.ended - span.begun, 1) for span in spans],
        "number": [span.number for span in spans],
        "outcome": [OUTCOMES.index(span.outcome) for span in spans],
    }


def _rows_of_their_own(spans: Sequence[Span], workers: Sequence[WorkerTime]) -> dict[str, str]:
    """Return the row of each worker process: that of its place, or a second one where another process is there then."""
    pieces = [(span.worker, span.row, span.begun, span.ended) for span in spans if span.worker]
    pieces += [(known.worker, _row_of_time(known), known.begun, known.begun + known.seconds) for known in workers]
    there = dict[str, tuple[float, float, str]]()
    for worker, row, begun, ended in pieces:
        earlier = there.get(worker, (begun, ended, row))
        there[worker] = (min(begun, earlier[0]), max(ended, earlier[1]), earlier[2])
    own, free_from = dict[str, str](), dict[str, float]()
    for worker, (begun, ended, row) in sorted(there.items(), key=lambda item: (item[1], item[0])):
        rows = (row if nth == 1 else f"{row} ({nth})" for nth in count(1))
        own[worker] = next(name for name in rows if free_from.get(name, begun) <= begun)
        free_from[own[worker]] = ended
    return own


def _work(
    workers: Sequence[WorkerTime], own: Mapping[str, str], places: Mapping[str, int], first: float
) -> dict[str, Any]:
    ordered = sorted(workers, key=lambda known: (known.begun, known.worker))
    rows = [places[own[known.worker]] for known in ordered]
    return {
        "row": rows,
        "begun": [round(known.begun - first, 1) for known in ordered],
        "length": [round(known.seconds, 1) for known in ordered],
        "job": [visible(known.job) for known in ordered],
        "again": [row in rows[:place] for place, row in enumerate(rows)],
    }


def _row_of_time(known: WorkerTime) -> str:
    return visible(f"{known.host or 'unknown machine'}, worker {known.number}")


def _in_order(row: str) -> tuple[str, int, str]:
    host, _, number = row.rpartition(", worker ")
    number = number.partition(" ")[0]
    return host, int(number) if number.isdecimal() else 0, row
