# SPDX-License-Identifier: MIT
"""Summarise the state of a running sweep as numbers and rows; uses no clock, storage or terminal."""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

from hyperopt_app.study import trial_facts
from hyperopt_app.study.records.forms import OrderRecord
from hyperopt_app.study.standings.ranking import Ranking
from hyperopt_app.support.display_text import visible

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["BestTrial", "EndedTrial", "Snapshot", "WorkerRow", "WorkerView", "snapshot"]


# How many of the trials that ended last are kept, and how many points of the best value so far.
_LAST = 3
_POINTS = 40


@dataclass(frozen=True)
class WorkerView:
    """What the driver knows of a worker.

    Attributes:
        number: The worker's number in this sweep, from 0.
        host: Where it runs; empty if not known yet.
        pid: Its process there; 0 if not known yet.
        trial: Number of the trial that it holds, None between two trials.
        alive: False once it has ended or has not been heard of for too long.
    """

    number: int
    host: str
    pid: int
    trial: int | None
    alive: bool


@dataclass(frozen=True)
class WorkerRow:
    """The current activity of a worker.

    Attributes:
        state: `running` a trial, `idle` between two, `ended`, or `lost` with a trial still in its hands.
        step: The last reported step of its trial, None before the first report.
        value: The value reported with `step`.
        running_s: Seconds since its trial started, None without a trial.
        params: The parameters that its trial has drawn so far.
    """

    number: int
    host: str
    state: Literal["running", "idle", "ended", "lost"]
    trial: int | None = None
    step: int | None = None
    value: float | None = None
    running_s: float | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EndedTrial:
    """A trial that has ended.

    Attributes:
        state: `complete`, `pruned` or `failed`.
        values: Those of a complete trial; of a pruned one what it reported last; else none.
        step: The last step of a pruned trial.
        failure: How a failed trial failed: its kind and one line; of another which constraints it violates.
        duration_s: How long it took, seconds.
    """

    number: int
    state: str
    values: tuple[float, ...] = ()
    step: int | None = None
    failure: str = ""
    duration_s: float | None = None


@dataclass(frozen=True)
class BestTrial:
    """The best trial, or one of the Pareto front: values in the order of the directions, then what counts next."""

    number: int
    values: tuple[float, ...]
    params: Mapping[str, Any]
    further: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """The state of a sweep at one moment.

    Attributes:
        n_trials: The budget; finished, running, parked and left trials add up to it, or to more if the study does.
        done: Complete trials.
        left: Trials that nobody has started, and those that were interrupted.
        elapsed_s: Seconds since the driver began.
        remaining_s: A guess of the seconds to the end; None while there is nothing to guess from.
        value_names: One name per optimised value.
        best: The best trial alone, or the Pareto front of several objectives; empty before a complete trial.
        best_so_far: Of one objective, the best value after each complete trial, in the order of their ends; of many
            trials some, evenly spaced, with the last.
        last: The trials that ended last, the latest first.
        failures: How many trials failed in which way, the commonest first.
        stop: Why no further trial starts, for the table of the driver; empty while trials may start.
        set_aside: Trials that no longer count, in no other number here.
        parked: Trials that wait at a rung, and go on if they are promoted.
        imported: Trials from elsewhere, in no other number here.
        infeasible: Complete trials that violate a constraint.
        interrupted: Of those that are left, the trials that have begun and go on.
    """

    study_name: str
    n_trials: int
    done: int
    pruned: int
    failed: int
    running: int
    left: int
    elapsed_s: float
    remaining_s: float | None
    value_names: tuple[str, ...]
    best: tuple[BestTrial, ...] = ()
    workers: tuple[WorkerRow, ...] = field(default=())
    best_so_far: tuple[float, ...] = ()
    last: tuple[EndedTrial, ...] = ()
    failures: tuple[tuple[str, int], ...] = ()
    stop: str = ""
    set_aside: int = 0
    parked: int = 0
    imported: int = 0
    infeasible: int = 0
    interrupted: int = 0

    @property
    def finished(self) -> int:
        """Return the number of trials that count against the budget: complete, pruned and failed."""
        return self.done + self.pruned + self.failed

    @property
    def live_workers(self) -> int:
        """Return the number of workers that run a trial or wait for one."""
        return sum(worker.state in ("running", "idle") for worker in self.workers)


def snapshot(
    trials: Sequence["FrozenTrial"],
    n_trials: int,
    workers: Sequence[WorkerView],
    directions: Sequence["optuna.study.StudyDirection"],
    metric_names: Sequence[str],
    elapsed_s: float,
    *,
    now: datetime,
    study_name: str = "",
    order: Sequence[OrderRecord] = (),
) -> Snapshot:
    """Summarise a study and its workers.

    Names may be anybody's who can write in the study, so they come without what commands a terminal.

    Args:
        trials: All trials of the study, waiting ones too or not.
        n_trials: The budget of the study.
        workers: The workers of this sweep.
        directions: The study's directions.
        metric_names: Names of the optimised values, empty if they have none.
        elapsed_s: Seconds since the driver began.
        now: Local time without a time zone, as Optuna stamps its trials.
        study_name: Shown in the title.
        order: The metrics by which the best is chosen in turn; empty where the values say all.
    """
    ranking = Ranking(directions, order)
    states = trial_facts.state_words(trials)
    count = Counter(states)
    finished = count["complete"] + count["pruned"] + count["failed"]
    left = max(n_trials - finished - count["running"] - count["parked"], 0)
    running = {trial.number: trial for trial, state in zip(trials, states, strict=True) if state == "running"}
    return Snapshot(
        study_name=visible(study_name),
        n_trials=n_trials,
        done=count["complete"],
        pruned=count["pruned"],
        failed=count["failed"],
        running=count["running"],
        parked=count["parked"],
        left=left,
        elapsed_s=elapsed_s,
        remaining_s=_remaining_s(trials, left, [_spent_s(trial, now) for trial in running.values()], workers),
        value_names=tuple(map(visible, trial_facts.value_names(metric_names, len(directions)))),
        best=tuple(_best_trial(trial, ranking) for trial in ranking.best(trials)),
        workers=tuple(_row(worker, running, now) for worker in sorted(workers, key=lambda worker: worker.number)),
        best_so_far=_best_so_far(trials, directions),
        last=tuple(map(_ended, _latest(trials))),
        failures=tuple(_failures(trials)),
        infeasible=sum(trial.state.name == "COMPLETE" and not trial_facts.is_eligible(trial) for trial in trials),
        interrupted=min(sum(map(trial_facts.is_interrupted, trials)), left),
    )


def _best_trial(trial: "FrozenTrial", ranking: Ranking) -> BestTrial:
    params = {visible(name): value for name, value in trial.params.items()}
    further = {visible(name): value for name, value in ranking.further(trial).items()}
    return BestTrial(trial.number, tuple(trial.values), params, further)


def _by_end(trial: "FrozenTrial") -> tuple[float, int]:
    end = trial.datetime_complete
    return (0.0 if end is None else end.timestamp(), trial.number)


def _latest(trials: Sequence["FrozenTrial"]) -> list["FrozenTrial"]:
    ended = (trial for trial in trials if trial.state.is_finished())
    return heapq.nlargest(_LAST, ended, key=_by_end)


def _ended(trial: "FrozenTrial") -> EndedTrial:
    state, last = trial_facts.state_word(trial), trial_facts.last_value(trial)
    reported = () if last is None or state != "pruned" else (last,)
    failure = f"{trial_facts.failure_kind(trial)} {trial_facts.failure_text(trial)}".strip()
    excess = trial_facts.infeasible_text(trial)
    return EndedTrial(
        trial.number,
        state,
        tuple(trial.values) if state == "complete" else reported,
        step=trial.last_step if reported else None,
        failure=failure or (f"infeasible: {excess}" if excess else ""),
        duration_s=trial_facts.duration_s(trial),
    )


def _failures(trials: Sequence["FrozenTrial"]) -> list[tuple[str, int]]:
    failed = (trial for trial in trials if trial.state.name == "FAIL")
    return Counter(trial_facts.failure_kind(trial) or "unknown" for trial in failed).most_common()


def _best_so_far(
    trials: Sequence["FrozenTrial"], directions: Sequence["optuna.study.StudyDirection"]
) -> tuple[float, ...]:
    if len(directions) > 1:
        return ()
    better = max if directions[0].name == "MAXIMIZE" else min
    complete = sorted((trial for trial in trials if trial_facts.is_eligible(trial)), key=_by_end)
    values = list(accumulate((float(trial.values[0]) for trial in complete), better))
    steps = max(len(values) - 1, 1)
    points = min(len(values), _POINTS)
    return tuple(values[round(index * steps / max(points - 1, 1))] for index in range(points))


def _row(worker: WorkerView, running: Mapping[int, "FrozenTrial"], now: datetime) -> WorkerRow:
    trial, host = None if worker.trial is None else running.get(worker.trial), visible(worker.host)
    if trial is None:
        return WorkerRow(worker.number, host, "idle" if worker.alive else "ended")
    step = trial.last_step
    return WorkerRow(
        worker.number,
        host,
        "running" if worker.alive else "lost",
        trial=trial.number,
        step=step,
        value=None if step is None else trial.intermediate_values[step],
        running_s=_age_s(trial, now),
        params={visible(name): value for name, value in trial.params.items()},
    )


def _age_s(trial: "FrozenTrial", now: datetime) -> float:
    # Not below 0: the clocks of two hosts differ.
    return 0.0 if trial.datetime_start is None else max((now - trial.datetime_start).total_seconds(), 0.0)


def _spent_s(trial: "FrozenTrial", now: datetime) -> float:
    """Return the seconds that all attempts of a running trial have taken so far."""
    return sum(attempt.ended - attempt.begun for attempt in trial_facts.attempts_of(trial, now.timestamp()))


def _remaining_s(
    trials: Sequence["FrozenTrial"], left: int, ages_s: Sequence[float], workers: Sequence[WorkerView]
) -> float | None:
    """Estimate the remaining time: trials left at the mean duration, divided among the live workers."""
    if left == 0 and not ages_s:
        return 0.0
    lengths_s = trial_facts.durations_s(trials)
    hands = min(sum(worker.alive for worker in workers), left + len(ages_s))
    if not lengths_s or not hands:
        return None
    mean_s = sum(lengths_s) / len(lengths_s)
    rests_s = [max(mean_s - age_s, 0.0) for age_s in ages_s]
    return max((left * mean_s + sum(rests_s)) / hands, max(rests_s, default=0.0))
