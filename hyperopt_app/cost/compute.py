# SPDX-License-Identifier: MIT
"""Add up what a study has cost: how long its workers were at work, and what became of that time.

The unit is an hour of a GPU where workers had GPUs, else an hour of a worker. All the time from a worker's begin to its
end counts as cost, also while it started or waited, because that is what a cluster charges.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from hyperopt_app.cost.worker_times import WorkerTime
from hyperopt_app.study.trial_facts import attempts_of, state_word
from hyperopt_app.study.trial_records import holder_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["Compute", "compute_of", "gpu_hours"]

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

    @property
    def busy_share(self) -> float | None:
        """The share of the time in which workers had a trial, in [0, 1]; None before they were at work."""
        return None if self.total <= 0 else 1.0 - self.idle / self.total


def compute_of(trials: Sequence["FrozenTrial"], workers: Sequence[WorkerTime]) -> Compute:
    """Add up the cost of a study.

    Args:
        trials: All trials of the study; all attempts of a trial count as what the trial came to.
        workers: The times of its workers. Attempts of others (of an earlier release, or in another process table's
            study) count as one worker without idle time.
    """
    by_name = {known.worker: known for known in workers}
    has_gpus = any(known.gpus for known in workers)
    spent = {"complete": 0.0, "pruned": 0.0, "failed": 0.0, "running": 0.0, "waiting": 0.0}
    unknown = 0.0
    for trial in trials:
        for attempt in attempts_of(trial, _seen_until(trial, by_name)):
            known = by_name.get(attempt.worker)
            hours = (attempt.ended - attempt.begun) / _HOUR_S * _weight(known, has_gpus=has_gpus)
            spent[state_word(trial)] += hours
            unknown += hours if known is None else 0.0
    total = unknown + sum(known.seconds / _HOUR_S * _weight(known, has_gpus=has_gpus) for known in workers)
    used = sum(spent.values())
    return Compute(
        unit="GPU" if has_gpus else "worker",
        complete=spent["complete"],
        pruned=spent["pruned"],
        failed=spent["failed"],
        unfinished=spent["running"] + spent["waiting"],
        idle=max(0.0, total - used),
        total=max(total, used),
    )


def gpu_hours(workers: Sequence[WorkerTime]) -> float:
    """Return the GPU-hours from the begins of the workers to their ends, or to the present."""
    return sum(known.seconds * known.gpus for known in workers) / _HOUR_S


def _weight(known: WorkerTime | None, *, has_gpus: bool) -> float:
    if not has_gpus:
        return 1.0
    return 0.0 if known is None else known.gpus


def _seen_until(trial: "FrozenTrial", by_name: dict[str, WorkerTime]) -> float | None:
    """Up to when the worker of a running trial is known to have been at work; None if nobody knows."""
    known = by_name.get(str(holder_of(trial).get("worker", "")))
    return None if known is None else known.ended
