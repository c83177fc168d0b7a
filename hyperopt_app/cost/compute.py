# SPDX-License-Identifier: MIT
"""Add up what a study has cost: how long its workers were at work, and what became of that time.

The unit is an hour of a GPU where workers had GPUs, else an hour of a worker. All the time from a worker's begin to its
end counts as cost, also while it started or waited, because that is what a cluster charges.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hyperopt_app.cost.worker_times import WorkerTime
from hyperopt_app.study.records.trial_records import holder_of
from hyperopt_app.study.trial_facts import attempts_of, durations_s, state_word

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["Compute", "compute_of", "gpu_hours", "hours_by_outcome", "saved_s", "unit_of"]

_HOUR_S = 3600.0


class Compute(NamedTuple):
    """What a study has cost, in hours of `unit`.

    Attributes:
        unit: `GPU` or `worker`.
        complete: In trials that are complete.
        pruned: In those that were pruned.
        failed: In those that failed.
        unfinished: In trials that run, or that wait to be continued.
        idle: While workers started, waited or had nothing left to do.
        total: All of it.
    """

    unit: str
    complete: float
    pruned: float
    failed: float
    unfinished: float
    idle: float
    total: float


class Spent(Protocol):
    """A stretch of a worker's time on one trial; times in seconds since the epoch."""

    @property
    def worker(self) -> str:
        """The worker's unique name."""

    @property
    def begun(self) -> float:
        """When it began."""

    @property
    def ended(self) -> float:
        """When it ended."""

    @property
    def outcome(self) -> str:
        """What it came to, one word."""


class _Piece(NamedTuple):
    worker: str
    begun: float
    ended: float
    outcome: str


def compute_of(trials: Sequence["FrozenTrial"], workers: Sequence[WorkerTime]) -> Compute:
    """Add up the cost of a study.

    Args:
        trials: All trials of the study; all attempts of a trial count as what the trial came to.
        workers: The times of its workers.
    """
    by_name = {known.worker: known for known in workers}
    pieces = [
        _Piece(attempt.worker, attempt.begun, attempt.ended, state_word(trial))
        for trial in trials
        for attempt in attempts_of(trial, _seen_until(trial, by_name))
    ]
    hours = defaultdict(float, hours_by_outcome(pieces, workers))
    return Compute(
        unit=unit_of(workers),
        complete=hours["complete"],
        pruned=hours["pruned"],
        failed=hours["failed"],
        unfinished=hours["running"] + hours["waiting"] + hours["parked"],
        idle=hours["idle"],
        total=sum(hours.values()),
    )


def unit_of(workers: Sequence[WorkerTime]) -> str:
    """Return what the hours of a study are of: `GPU`, or `worker` where no worker had one."""
    return "GPU" if any(known.gpus for known in workers) else "worker"


def hours_by_outcome(pieces: Iterable[Spent], workers: Sequence[WorkerTime]) -> dict[str, float]:
    """Return the hours of a study by what became of them, in the unit of `unit_of`; what is 0 is left out.

    Args:
        pieces: All that workers have spent on trials.
        workers: When they were at work; what they spent on no trial is `idle`. Of others, of an earlier release, only
            their trials and what lies between two of them is known, and not their GPUs: where the unit is GPUs, they
            count nothing.
    """
    has_gpus = unit_of(workers) == "GPU"
    weights = {known.worker: known.gpus if has_gpus else 1.0 for known in workers}
    of_others = 0.0 if has_gpus else 1.0
    hours, used_s = defaultdict[str, float](float), dict.fromkeys(weights, 0.0)
    reached: dict[str, float] = {}
    for piece in sorted(pieces, key=lambda piece: piece.begun):
        hours[piece.outcome] += (piece.ended - piece.begun) / _HOUR_S * weights.get(piece.worker, of_others)
        if piece.worker in weights:
            used_s[piece.worker] += piece.ended - piece.begun
        else:
            hours["idle"] += max(0.0, piece.begun - reached.get(piece.worker, piece.begun)) / _HOUR_S * of_others
            reached[piece.worker] = max(piece.ended, reached.get(piece.worker, piece.ended))
    for known in workers:
        hours["idle"] += max(0.0, known.seconds - used_s[known.worker]) / _HOUR_S * weights[known.worker]
    return {outcome: spent for outcome, spent in hours.items() if spent > 0}


def saved_s(trials: Sequence["FrozenTrial"]) -> float:
    """Estimate the seconds that pruning has saved: what each pruned trial lacks to the median complete one."""
    complete = durations_s([trial for trial in trials if state_word(trial) == "complete"])
    pruned = durations_s([trial for trial in trials if state_word(trial) == "pruned"])
    return sum(max(0.0, statistics.median(complete) - length) for length in pruned) if complete else 0.0


def gpu_hours(workers: Sequence[WorkerTime]) -> float:
    """Return the GPU-hours from the begins of the workers to their ends, or to the present."""
    return sum(known.seconds * known.gpus for known in workers) / _HOUR_S


def _seen_until(trial: "FrozenTrial", by_name: dict[str, WorkerTime]) -> float | None:
    """Up to when the worker of a running trial is known to have been at work; None if nobody knows."""
    known = by_name.get(str(holder_of(trial).get("worker", "")))
    return None if known is None else known.ended
