# SPDX-License-Identifier: MIT
"""Say when which worker ran which trial, what became of it, and what the time was spent on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyperopt_app.cost.worker_times import WorkerTime
from hyperopt_app.study import trial_facts
from hyperopt_app.study.trial_records import ended_attempts_of, holder_of
from hyperopt_app.support.display_text import visible

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["OUTCOMES", "Span", "hours_of", "saved_s", "spans_of", "timeline_of", "unit_of"]

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


def timeline_of(spans: Sequence[Span]) -> dict[str, Any] | None:
    """Return the attempts as plain data: rows, and columns of the attempts; None without any."""
    if not spans:
        return None
    places = {row: place for place, row in enumerate(sorted({span.row for span in spans}, key=_in_order))}
    first = min(span.begun for span in spans)
    return {
        "rows": list(places),
        "first": round(first, 1),
        "row": [places[span.row] for span in spans],
        "begun": [round(span.begun - first, 1) for span in spans],
        "length": [round(span.ended - span.begun, 1) for span in spans],
        "number": [span.number for span in spans],
        "outcome": [OUTCOMES.index(span.outcome) for span in spans],
    }


def _in_order(row: str) -> tuple[str, int, str]:
    host, _, number = row.rpartition(", worker ")
    return host, int(number) if number.isdecimal() else 0, row


def unit_of(workers: Sequence[WorkerTime]) -> str:
    """Return what the hours of a study are of: `GPU`, or `worker` where no worker had one."""
    return "GPU" if any(known.gpus for known in workers) else "worker"


def hours_of(spans: Sequence[Span], workers: Sequence[WorkerTime] = ()) -> dict[str, float]:
    """Return the hours of a study by what became of them, in the unit of `unit_of`.

    Args:
        spans: The attempts at its trials, by their begins.
        workers: When its workers were at work; what they spent on no trial is `idle`. Of others, of an earlier release,
            that is the time between two of their trials.
    """
    weights = {known.worker: known.gpus if unit_of(workers) == "GPU" else 1.0 for known in workers}
    hours = dict.fromkeys((*OUTCOMES, "idle"), 0.0)
    reached: dict[str, float] = {}
    used_s = dict.fromkeys(weights, 0.0)
    for span in spans:
        hours[span.outcome] += (span.ended - span.begun) / 3600 * weights.get(span.worker, 1.0)
        if span.worker in weights:
            used_s[span.worker] += span.ended - span.begun
            continue
        hours["idle"] += max(0.0, span.begun - reached.get(span.worker, span.begun)) / 3600
        reached[span.worker] = max(span.ended, reached.get(span.worker, span.ended))
    for known in workers:
        hours["idle"] += max(0.0, known.seconds - used_s[known.worker]) / 3600 * weights[known.worker]
    return {word: spent for word, spent in hours.items() if spent > 0}


def saved_s(trials: Sequence["FrozenTrial"]) -> float:
    """Estimate the seconds that pruning has saved: what each pruned trial lacks to the middle complete one."""
    complete = sorted(trial_facts.durations_s([trial for trial in trials if trial.state.name == "COMPLETE"]))
    if not complete:
        return 0.0
    middle = complete[len(complete) // 2]
    pruned = trial_facts.durations_s([trial for trial in trials if trial.state.name == "PRUNED"])
    return sum(max(0.0, middle - length) for length in pruned)
