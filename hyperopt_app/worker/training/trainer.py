# SPDX-License-Identifier: MIT
"""Call the objective once, in the worker's process or in one of the trial's own, and return the outcome."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hyperopt_app.config.seeding import key_seed, seed_libraries
from hyperopt_app.objective.outcomes import Completed, Failed, Outcome, outcome_of
from hyperopt_app.objective.trial import Trial, active_trial
from hyperopt_app.ranks.environment import refusing_ranks
from hyperopt_app.study.own_trial import OwnTrial, Pace
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.records.trial_records import keep_reads_seed, own_attributes
from hyperopt_app.worker.interruption import Where
from hyperopt_app.worker.interrupts import Interrupts
from hyperopt_app.worker.isolation import Isolation
from hyperopt_app.worker.trial_job import TrialConfig, TrialJobs
from hyperopt_app.worker.trial_process import Order

__all__ = ["Trainer", "Training"]


@dataclass(frozen=True)
class Training:
    """What one call of the objective gets.

    Attributes:
        trial: The trial as its objective may see it.
        params: Its parameters.
        config: Its composed config, with the directory of this training.
        seed: For this training.
        resumed: Whether an earlier worker has begun it.
        reported: The steps that an earlier worker has recorded.
    """

    trial: OwnTrial
    params: Mapping[str, Any]
    config: TrialConfig
    seed: int
    resumed: bool
    reported: Sequence[int]


@dataclass(frozen=True)
class Trainer:
    """Calls the objective for the trials of one worker.

    Attributes:
        plan: What the driver decided.
        jobs: Composes the trials' configs, and runs them in this process.
        interrupts: Whether this worker was asked to end.
        pace: Measures how long trials go without a checkpoint.
        isolation: Starts the trials' processes; None if the objective runs in this one.
    """

    plan: Plan
    jobs: TrialJobs
    interrupts: Interrupts
    pace: Pace = field(default_factory=Pace)
    isolation: Isolation | None = None

    @property
    def where(self) -> Where:
        """Where the objective runs."""
        return Where.SAME_PROCESS if self.isolation is None else Where.AROUND

    def train(self, training: Training) -> Outcome:
        """Call the objective and return the outcome, its value as the study optimises it.

        Raises:
            BaseException: Whatever the objective raises in this process.
        """
        if self.isolation is None:
            return _as_optimised(self._call_objective(training), self.plan)
        return _as_optimised(self.isolation.run(self._order(training), training.trial), self.plan)

    def _order(self, training: Training) -> Order:
        plan, trial = self.plan, training.trial
        return Order(
            config=training.config,
            origin=self.jobs.origin,
            study_dir=plan.study_dir,
            number=trial.number,
            params=training.params,
            user_attrs=own_attributes(trial),
            seed=training.seed,
            resumed=training.resumed,
            metric_names=plan.metric_names,
            directions=plan.directions,
            returned_values=plan.returned_values,
            direction_names=_direction_names(trial),
            reported=training.reported,
            signals=plan.options.signals,
            worker_pid=os.getpid(),
        )

    def _call_objective(self, training: Training) -> Completed | Failed:
        plan, pid, seed_reads = self.plan, os.getpid(), list[bool]()
        trial = Trial(
            training.trial,  # type: ignore[arg-type]  # Optuna's, but for a look before each call
            directory=training.config.directory,
            seed=training.seed,
            resumed=training.resumed,
            metric_names=plan.metric_names,
            reported=training.reported,
            writing=self.interrupts.writing,
            on_checkpoint=lambda: self._at_checkpoint(training.trial),
            on_saved=self._at_saved,
            directions=plan.directions,
            direction_names=_direction_names(training.trial),
            on_seed=lambda: seed_reads.append(True),
            key_seed=key_seed(training.config.task),
        )
        seed_libraries(training.seed)
        try:
            with active_trial(trial), refusing_ranks(), self.interrupts.objective():
                returned = self.jobs.run(training.config)
        finally:
            if seed_reads and os.getpid() == pid:  # what the objective has forked does not write to the study
                keep_reads_seed(training.trial)
        return outcome_of(returned, plan.metric_names, plan.returned_values)

    def _at_checkpoint(self, trial: OwnTrial) -> None:
        trial.reach_checkpoint()
        self.pace.mark()
        self.interrupts.at_checkpoint()

    def _at_saved(self) -> None:
        self.pace.mark()
        self.interrupts.cooperative = True


def _direction_names(trial: OwnTrial) -> list[str]:
    return [direction.name.lower() for direction in trial.study.directions]


def _as_optimised(outcome: Outcome, plan: Plan) -> Outcome:
    """Return the outcome with one value where one is optimised: the weighted sum, or the first; the metrics stay."""
    if not isinstance(outcome, Completed) or not (plan.terms or plan.in_turn):
        return outcome
    terms = plan.terms or (1.0,)
    return replace(outcome, values=(sum(term * value for term, value in zip(terms, outcome.values, strict=False)),))
