# SPDX-License-Identifier: MIT
"""Simulate a search: workers that train, report, are interrupted and take the next trial, in simulated time."""

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from benchmarks.search.problem import Array, Config, Goal, Problem

__all__ = ["Conditions", "Outcome", "Promotion", "Search", "simulate"]

# The worker and the number of its next trial -> the sampler of that trial.
SamplerOf = Callable[[int, int], BaseSampler]


@dataclass(frozen=True)
class Conditions:
    """The workers and what happens to them; times and costs in mean full trainings of a random configuration.

    Attributes:
        workers: How many trials run at once.
        restart_cost: What each start from a checkpoint costs.
        straggler_share: The share of trials that take `straggler_factor` times as long.
        preemptions: How often a worker is interrupted in a unit of time; it loses what it did since the last report.
        limit: The time after which a search has missed.
        most_trials: The number of trials after which it has missed.
    """

    workers: int
    restart_cost: float = 0.0
    straggler_share: float = 0.0
    straggler_factor: float = 3.0
    preemptions: float = 0.0
    limit: float = 30.0
    most_trials: int = 3000


class Promotion(Protocol):
    """A rule that parks trials at rungs and lets the best of a rung go on.

    Attributes:
        parked: The parked trials by their numbers; the simulation takes out what goes on.
    """

    parked: dict[int, int]

    def parks(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether a trial that has just reported waits there."""

    def next_trial(self, study: optuna.Study) -> int | None:
        """Return the number of the parked trial to continue, None for a new trial."""


@dataclass(frozen=True)
class Search:
    """How the next configuration is chosen and which trials end early.

    Attributes:
        sampler_of: Returns the sampler of a worker's next trial.
        pruner: Of the study.
        promotion: A rule that takes the pruner's place.
        is_batch: Whether all workers wait for the slowest before they take the next trials together.
        first: Parameters of the first trials that are given; the sampler chooses the others.
    """

    sampler_of: SamplerOf
    pruner: BasePruner
    promotion: Promotion | None = None
    is_batch: bool = False
    first: Sequence[Config] = ()


class Outcome(NamedTuple):
    """What a simulated search came to.

    Attributes:
        time: When a trial first had the target's value, None if none had.
        trials: The trials started until then.
        use: The share of their time in which the workers trained.
        ask_s: The mean CPU seconds of an ask.
    """

    time: float | None
    trials: int
    use: float
    ask_s: float


@dataclass
class _Training:
    """A trial's true values, the reported ones, its times in units, and the index of the step that comes next."""

    trial: optuna.Trial
    values: Array
    reported: Array
    times: Array
    index: int = 0


class _Busy(NamedTuple):
    """A worker's step; the earliest end comes first, of equal ones that which began first."""

    end: float
    serial: int
    worker: int
    number: int
    begin: float


def simulate(problem: Problem, goal: Goal, search: Search, conditions: Conditions, seed: int) -> Outcome:
    """Run a search until a trial has the target's value, or its limit is reached.

    Args:
        problem: What is searched.
        goal: `problem.goal()`.
        search: Samplers and pruner, made for this search alone: they may keep state.
        conditions: The workers.
        seed: Of noise, stragglers and preemptions.
    """
    return _Simulation(problem, goal, search, conditions, seed).run()


def _moment(now: float) -> datetime:
    """The simulated time as a date, in which a full training takes an hour on average."""
    return datetime(2000, 1, 1) + timedelta(hours=now)  # noqa: DTZ001 - Optuna's dates have no zone


class _Simulation:
    def __init__(self, problem: Problem, goal: Goal, search: Search, conditions: Conditions, seed: int) -> None:
        self._problem, self._goal, self._search, self._conditions = problem, goal, search, conditions
        self._study = optuna.create_study(direction="maximize", pruner=search.pruner)
        self._rng = np.random.default_rng(seed)
        self._queue: list[_Busy] = []
        self._idle: list[int] = []
        self._trainings: list[_Training] = []
        self._serial, self._busy_time, self._ask_s = 0, 0.0, 0.0

    def run(self) -> Outcome:
        """Return what came of it."""
        now = 0.0
        for worker in range(self._conditions.workers):
            self._start(worker, now)
        while True:
            step = heapq.heappop(self._queue)
            if step.end > self._conditions.limit or len(self._trainings) > self._conditions.most_trials:
                return self._result(now, has_hit=False)
            now = step.end
            self._busy_time += now - step.begin
            training = self._trainings[step.number]
            if training.values[training.index] >= self._goal.target:
                return self._result(now, has_hit=True)
            if self._goes_on(training, now):
                training.index += 1
                self._train(step.worker, step.number, now)
            else:
                self._free(step.worker, now)

    def _result(self, now: float, *, has_hit: bool) -> Outcome:
        trials = len(self._trainings)
        busy = self._busy_time + sum(max(now - step.begin, 0.0) for step in self._queue)
        use = busy / (self._conditions.workers * max(now, 1e-9))
        return Outcome(now if has_hit else None, trials, use, self._ask_s / trials)

    def _start(self, worker: int, now: float) -> None:
        promotion = self._search.promotion
        number = promotion.next_trial(self._study) if promotion else None
        if promotion is None or number is None:
            self._train(worker, self._ask(worker, now), now)
            return
        del promotion.parked[number]
        self._trainings[number].index += 1
        self._train(worker, number, now, self._conditions.restart_cost)

    def _ask(self, worker: int, now: float) -> int:
        number = len(self._trainings)
        self._study.sampler = self._search.sampler_of(worker, number)
        if number < len(self._search.first):
            self._study.enqueue_trial(dict(self._search.first[number]))
        begin_s = time.process_time()
        trial = self._study.ask(dict(self._problem.space))
        self._ask_s += time.process_time() - begin_s
        self._stored(trial).datetime_start = _moment(now)
        values, times = self._problem.curves([trial.params])
        noise = self._goal.sigma * self._rng.normal(size=values.shape[1])
        reported = self._problem.reported([trial.params], values)[0] + noise
        is_straggler = self._rng.random() < self._conditions.straggler_share
        slowness = self._conditions.straggler_factor if is_straggler else 1.0
        self._trainings.append(_Training(trial, values[0], reported, times[0] * slowness / self._goal.unit))
        return number

    def _train(self, worker: int, number: int, now: float, more: float = 0.0) -> None:
        """Queue the end of a trial's next step, after `more` time for its start."""
        training = self._trainings[number]
        before = training.times[training.index - 1] if training.index else 0.0
        need = training.times[training.index] - before
        end = now + more + need
        while self._conditions.preemptions:
            left = self._rng.exponential(1 / self._conditions.preemptions)
            if left >= need:
                break
            end += left + self._conditions.restart_cost
        self._serial += 1
        heapq.heappush(self._queue, _Busy(float(end), self._serial, worker, number, now))

    def _goes_on(self, training: _Training, now: float) -> bool:
        """Report the step that has just ended, and end or park the trial if it is time."""
        trial, value = training.trial, float(training.reported[training.index])
        step, is_last = self._problem.steps[training.index], training.index == len(self._problem.steps) - 1
        if self._problem.reports:
            trial.report(value, step)
        if is_last:
            self._tell(trial, now, value)
            return False
        promotion = self._search.promotion
        if promotion:
            return not promotion.parks(self._study, self._stored(trial))
        if trial.should_prune():
            self._tell(trial, now, None)
            return False
        return True

    def _tell(self, trial: optuna.Trial, now: float, value: float | None) -> None:
        """End a trial in the study: complete with a value, pruned without."""
        self._study.tell(trial, value, state=TrialState.PRUNED if value is None else TrialState.COMPLETE)
        self._stored(trial).datetime_complete = _moment(now)

    def _stored(self, trial: optuna.Trial) -> FrozenTrial:
        """Return the trial as the memory holds it; a sampler that knows durations reads simulated ones there."""
        stored: FrozenTrial = self._study._storage._get_trial(trial._trial_id)  # type: ignore[attr-defined]  # noqa: SLF001
        return stored

    def _free(self, worker: int, now: float) -> None:
        if not self._search.is_batch:
            self._start(worker, now)
            return
        self._idle.append(worker)
        if len(self._idle) == self._conditions.workers:
            idle, self._idle = self._idle, []
            for waiting in idle:
                self._start(waiting, now)
