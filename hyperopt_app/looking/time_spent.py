# SPDX-License-Identifier: MIT
"""What a study has cost: how long it ran, how busy its workers were, its compute, and what pruning has saved."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperopt_app.cost.compute import saved_s
from hyperopt_app.looking.view import View
from hyperopt_app.study.trial_facts import attempts_of, covered_s, spans_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["TimeSpent", "time_spent"]


@dataclass(frozen=True)
class TimeSpent:
    """Times in seconds, from the records of the attempts; trials that no longer count have cost time too.

    Attributes:
        run_s: How long at least one worker was active in the last run.
        earlier_s: The same of all runs before.
        workers: How many workers have run a trial in the last run, or before if none did; 0 for trials of another tool,
            which names none.
        compute_s: All attempts together.
        active_s: From each worker's begin to its end, of a worker of an earlier release from its first trial to its
            last; all workers together.
        saved_s: What pruned trials would have taken beyond their ends, had they been as long as the median of the
            complete ones; 0 if none is pruned or complete.
    """

    run_s: float
    earlier_s: float
    workers: int
    compute_s: float
    active_s: float
    saved_s: float

    @property
    def busy(self) -> float:
        """Return the share of `active_s` in which trials ran, from 0 to 1; 1 if no time has passed."""
        return min(self.compute_s / self.active_s, 1.0) if self.active_s else 1.0

    @property
    def idle_s(self) -> float:
        """Return the seconds without a trial, of all workers together."""
        return max(self.active_s - self.compute_s, 0.0)


def time_spent(view: View) -> TimeSpent:
    """Add up the times of a study; a running trial counts up to the moment of the view."""
    attempts = [
        attempt for trial in view.trials for attempt in attempts_of(trial, view.read_at if _is_running(trial) else None)
    ]
    boundary = _begin_of_run(view)
    earlier = [attempt for attempt in attempts if attempt.begun < boundary]
    run = [attempt for attempt in attempts if attempt.begun >= boundary]
    known_s = {worker: ended - begun for worker, (begun, ended) in spans_of(attempts).items()}
    known_s |= {known.worker: known.seconds for known in view.worker_times}
    return TimeSpent(
        run_s=covered_s(run),
        earlier_s=covered_s(earlier),
        workers=len({attempt.worker for attempt in run or earlier} - {""}),
        compute_s=sum(attempt.ended - attempt.begun for attempt in attempts),
        active_s=sum(known_s.values()),
        saved_s=saved_s(view.counting),
    )


def _begin_of_run(view: View) -> float:
    """Return when the last run began, in seconds since the epoch; minus infinity if there was none before it."""
    if view.run_began is not None:
        return view.run_began
    ends = [
        trial.datetime_complete.timestamp()
        for trial in view.trials
        if trial.number in view.ended_before and trial.datetime_complete is not None
    ]
    return max(ends, default=float("-inf"))


def _is_running(trial: "FrozenTrial") -> bool:
    return trial.state.name == "RUNNING"
