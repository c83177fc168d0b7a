# SPDX-License-Identifier: MIT
"""Run one claimed trial, in the worker's process or in a process of its own, and return its outcome."""

import logging
import operator
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import optuna
from hydra.utils import get_method
from omegaconf import DictConfig

from hyperopt_app.budget.hidden import whole
from hyperopt_app.config.seeding import key_seed, seed_libraries
from hyperopt_app.cost.cost_budget import CostBudget
from hyperopt_app.errors import HyperoptError, SpaceError, StorageError
from hyperopt_app.loggers.facts import facts_of
from hyperopt_app.loggers.trial_log import TrialLog
from hyperopt_app.objective.first_process import ending_forks
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Outcome, Parked, Pruned, outcome_of
from hyperopt_app.objective.trial import Trial, active_trial
from hyperopt_app.ranks.environment import refusing_ranks
from hyperopt_app.repeats.settings import Repeats, read_repeats
from hyperopt_app.repeats.training import Repeat, Trainings
from hyperopt_app.sampling.seeds import repeat_seed
from hyperopt_app.space.constraints import Constraints
from hyperopt_app.space.space import suggest_all, values_of
from hyperopt_app.space.trial_overrides import chooses_seed, trial_overrides
from hyperopt_app.study.identity import study_id
from hyperopt_app.study.own_trial import OwnTrial, Pace
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.stopping import read_stop, write_stop
from hyperopt_app.study.trial_directory import Owner, claim, go_on
from hyperopt_app.study.trial_facts import reported_curve
from hyperopt_app.study.trial_records import (
    attributes_of,
    begun_attempts,
    directory_of,
    keep_attempt,
    keep_pinned,
    keep_reads_seed,
    keep_seed,
    repeats_of,
)
from hyperopt_app.support.display_text import excess_text
from hyperopt_app.worker.attempt import attempt
from hyperopt_app.worker.idle_pruner import IdlePruner, unwatched
from hyperopt_app.worker.interruption import Ending, Where
from hyperopt_app.worker.interrupts import EndRequest, Interrupts
from hyperopt_app.worker.isolation import Isolation
from hyperopt_app.worker.trial_job import TrialConfig, TrialJobs
from hyperopt_app.worker.trial_process import Order

__all__ = ["Evaluates", "Evaluation", "run_trial"]

_log = logging.getLogger(__name__)


class Evaluates(Protocol):
    """Calls the objective with a claimed trial; `Evaluation` is the one of this package."""

    @property
    def where(self) -> Where:
        """Where the objective runs."""

    def evaluate(self, trial: optuna.Trial, /) -> Outcome:
        """Call it; what user code raises comes through."""


def run_trial(trial: optuna.Trial, evaluation: Evaluates, interrupts: EndRequest) -> Outcome:
    """Run a claimed trial to its end, whatever user code does, and return what it came to.

    Args:
        trial: The claimed trial.
        evaluation: Calls the objective, in this process or in one of its own.
        interrupts: Whether this worker was asked to end.

    Raises:
        HyperoptError: What the user has to correct before any trial can succeed.
    """
    with ending_forks():
        outcome = attempt(partial(evaluation.evaluate, trial), interrupts, evaluation.where)
    is_parked = interrupts.next_trial() and isinstance(outcome, Interrupted)
    return Parked() if is_parked else outcome


@dataclass
class Evaluation:
    """Prepares the trials of one worker and calls the objective, here or in a process of the trial's own.

    Attributes:
        plan: What the driver decided.
        jobs: Composes the trials' configs, and runs them in this process.
        interrupts: Whether this worker was asked to end.
        pace: Measures how long trials go without a checkpoint.
        isolation: Starts the trials' processes; None if the objective runs in this one.
        holds: Asks the study whether a trial is still this worker's.
        parks: Asks whether a trial that has written a checkpoint is to end there and wait.
        idle_pruner: Notices that the pruner cannot act.
        cost_budget: What the study may cost; None for no look at it.
        log: The trials' runs of the chosen loggers; None without any.
    """

    plan: Plan
    jobs: TrialJobs
    interrupts: Interrupts
    pace: Pace = field(default_factory=Pace)
    isolation: Isolation | None = None
    holds: Callable[[optuna.Trial], bool] = lambda _trial: True
    parks: Callable[[optuna.Trial], bool] = lambda _trial: False
    idle_pruner: IdlePruner = field(default_factory=IdlePruner)
    cost_budget: CostBudget | None = None
    log: TrialLog | None = None
    _study_id: str | None = field(default=None, init=False)
    _constraints: Constraints = field(init=False)
    _repeats: Repeats | None = field(init=False)

    def __post_init__(self) -> None:
        self._constraints = Constraints(self.plan.space)
        self._repeats = read_repeats(self.plan.repeats)

    @property
    def where(self) -> Where:
        """Where the objective runs."""
        return Where.SAME_PROCESS if self.isolation is None else Where.AROUND

    def evaluate(self, trial: optuna.Trial, /) -> Outcome:
        """Suggest, compose and call the objective; what is raised comes through to `run_trial`."""
        trial = self.idle_pruner.watched(trial)
        outcome = self._evaluated(trial)
        if self._repeats is None:
            outcome = _valued(outcome, self.plan)
        outcome = self._constrained(trial, outcome)
        self.idle_pruner.judge(trial, outcome)
        return outcome

    def _evaluated(self, optuna_trial: optuna.Trial) -> Outcome:
        resumed = directory_of(optuna_trial) is not None  # also without a parameter to suggest
        params = self._suggested(optuna_trial)
        if not resumed and self._violates(optuna_trial, params):
            return Pruned()
        searched, is_seed_chosen = trial_overrides(self.plan, params), chooses_seed(self.plan, params)
        config = self.jobs.compose(self.plan.space.fixed, searched, optuna_trial.number)
        config, owner = self._placed(optuna_trial, config)
        chosen = _chosen_seed(config) if is_seed_chosen else None
        seed = self._seeds(optuna_trial.number, chosen)(0)
        keep_seed(optuna_trial, seed)
        curve = reported_curve(optuna_trial) if resumed else {}
        on_report = self._logged(owner, params, config.directory, seed, curve)
        holds, ends_early = partial(self.holds, optuna_trial), partial(self._end_early, optuna_trial)
        own = OwnTrial(optuna_trial, holds, config.directory, owner, ends_early, on_report)
        reported = tuple(curve)
        self.pace.begin()
        try:
            if self._repeats is not None:
                return self._repeated(self._repeats, own, optuna_trial, params, config, chosen, reported)
            return self._trained(own, optuna_trial, params, config, seed, resumed=resumed, reported=reported)
        finally:
            self.pace.mark()

    def _trained(
        self,
        own: OwnTrial,
        optuna_trial: optuna.Trial,
        params: Mapping[str, Any],
        config: TrialConfig,
        seed: int,
        *,
        resumed: bool,
        reported: Collection[int],
    ) -> Outcome:
        """Call the objective once, here or in a process of the trial's own."""
        if self.isolation is not None:
            order = self._order(optuna_trial, params, config, seed, resumed=resumed, reported=reported)
            return self.isolation.run(order, own)
        return self._call_objective(own, config, seed, resumed=resumed, reported=reported)

    def _seeds(self, number: int, chosen: int | None) -> Callable[[int], int]:
        """Return the seed of a repeat, by its number: the same in each trial, so that trials can be compared."""
        if self._repeats is None:
            return lambda _repeat: self.plan.training_seed(number) if chosen is None else chosen
        return partial(repeat_seed, self.plan.seed) if chosen is None else partial(operator.add, chosen)

    def _repeated(
        self,
        repeats: Repeats,
        own: OwnTrial,
        optuna_trial: optuna.Trial,
        params: Mapping[str, Any],
        config: TrialConfig,
        chosen: int | None,
        reported: Sequence[int],
    ) -> Outcome:
        """Call the objective once with each seed, each time with a config and a directory of its own."""
        plan, searched = self.plan, trial_overrides(self.plan, params)
        has_key = chosen is not None or plan.seed_key

        def train(repeat: Repeat) -> Outcome:
            # Composed anew, since an objective may change its config.
            key = (f"seed={repeat.seed}",) if has_key else ()
            job = self.jobs.compose(plan.space.fixed, (*searched, *key), optuna_trial.number)
            job = job.moved(repeat.directory, self.jobs.origin)
            trained = partial(self._trained, repeat.trial, optuna_trial, params, job, repeat.seed)
            trained = partial(trained, resumed=repeat.resumed, reported=repeat.reported)
            # What is raised in this process becomes an outcome here, so that a failure can name its repeat.
            outcome = attempt(trained, self.interrupts, self.where) if self.isolation is None else trained()
            self.pace.mark()
            return _valued(outcome, plan)

        asks = self.interrupts
        return Trainings(
            repeats,
            unwatched(optuna_trial),
            own,
            config.directory,
            self._seeds(optuna_trial.number, chosen),
            reported,
            train,
            lambda outcome: not Ending(outcome, where=self.where).was_interrupted(asked_to_end=asks.asked_to_end),
            lambda: asks.asked_to_end,
        ).run()

    def _violates(self, trial: optuna.Trial, params: Mapping[str, Any]) -> bool:
        """Whether a trial violates constraints on its parameters alone, which is stored then: it is not trained."""
        violations = self._constraints.before_training(params)
        if not any(violation > 0 for violation in violations.values()):
            return False
        for name, violation in violations.items():
            trial.set_constraint(name, violation)
        _log.warning("trial %d is not trained, since it violates %s", trial.number, excess_text(violations))
        return True

    def _constrained(self, trial: optuna.Trial, outcome: Outcome) -> Outcome:
        """Store by how much a complete trial violates which constraint."""
        if not isinstance(outcome, Completed) or not self.plan.space.constraints or not self.holds(trial):
            return outcome
        # A constraint must hold in each repeat: the largest violation counts.
        returned: list[Mapping[str, float]] = [record["metrics"] for record in repeats_of(trial)]
        try:
            each = [
                self._constraints.after_training(values_of(trial), metrics) for metrics in returned or [outcome.metrics]
            ]
        except SpaceError as error:
            return Failed("bug", str(error), metrics=outcome.metrics)
        for name in each[0]:
            violation = max(violations[name] for violations in each)
            trial.set_constraint(name, violation)
        return outcome

    def _suggested(self, optuna_trial: optuna.Trial) -> Mapping[str, Any]:
        """Have all parameters suggested and return their values."""
        plan = self.plan
        try:
            suggest_all(optuna_trial, plan.space)
        except ImportError as error:  # a sampler loads what it needs when it first samples
            raise HyperoptError(f"hydra.sweeper.sampler: {error}; install it where the workers run") from None
        if plan.custom_search_space:
            _extend(plan, self.jobs.config, optuna_trial)
        return values_of(optuna_trial)

    def _placed(self, optuna_trial: optuna.Trial, config: TrialConfig) -> tuple[TrialConfig, Owner]:
        """The job in a directory that is this trial's alone, that of its first attempt or a new one; and who signed."""
        study, study_dir = optuna_trial.study, self.plan.study_dir
        if self._study_id is None:
            self._study_id = study_id(study)
        attempt = begun_attempts(optuna_trial) + 1
        me = Owner(self._study_id, study.study_name, optuna_trial.number, attempt)
        stored = directory_of(optuna_trial)
        try:
            earlier = stored and go_on(Path(stored), me, study_dir, lambda: _is_shared(study, stored))
            directory, owner = earlier or claim(config.directory, me, study_dir)
        except OSError as error:
            place = stored or config.directory
            raise StorageError(f"{place}: cannot be written ({error}); make room, or correct its permissions") from None
        keep_attempt(optuna_trial, str(directory), owner.attempt)
        return config.moved(directory, self.jobs.origin), owner

    def _logged(
        self, owner: Owner, params: Mapping[str, Any], directory: Path, seed: int, curve: Mapping[int, float]
    ) -> Callable[[float, int], None] | None:
        """Open the trial's runs, and return what adds a point to their curves; None without a logger."""
        if self.log is None:
            return None
        self.log.begin(facts_of(self.plan, owner.study_id, owner.number, params, directory, seed), curve)
        return self.log.report

    def _order(
        self,
        optuna_trial: optuna.Trial,
        params: Mapping[str, Any],
        config: TrialConfig,
        seed: int,
        *,
        resumed: bool,
        reported: Collection[int],
    ) -> Order:
        plan = self.plan
        return Order(
            config=config,
            origin=self.jobs.origin,
            study_dir=plan.study_dir,
            number=optuna_trial.number,
            params=params,
            user_attrs=attributes_of(optuna_trial),
            seed=seed,
            resumed=resumed,
            metric_names=plan.metric_names,
            directions=plan.directions,
            returned_values=plan.returned_values,
            direction_names=[direction.name.lower() for direction in optuna_trial.study.directions],
            reported=reported,
            signals=plan.options.signals,
            worker_pid=os.getpid(),
        )

    def _call_objective(
        self, own: OwnTrial, config: TrialConfig, seed: int, *, resumed: bool, reported: Collection[int]
    ) -> Completed | Failed:
        plan, pid, seed_reads = self.plan, os.getpid(), list[bool]()
        trial = Trial(
            own,  # type: ignore[arg-type]  # Optuna's, but for a look before each call
            directory=config.directory,
            seed=seed,
            resumed=resumed,
            metric_names=plan.metric_names,
            reported=reported,
            writing=self.interrupts.writing,
            on_checkpoint=lambda: self._at_checkpoint(own),
            on_saved=self._at_saved,
            directions=plan.directions,
            direction_names=[direction.name.lower() for direction in own.study.directions],
            on_seed=lambda: seed_reads.append(True),
            key_seed=key_seed(config.task),
        )
        seed_libraries(seed)
        try:
            with active_trial(trial), refusing_ranks(), self.interrupts.objective():
                returned = self.jobs.run(config)
        finally:
            if seed_reads and os.getpid() == pid:  # what the objective has forked does not write to the study
                keep_reads_seed(own)
        return outcome_of(returned, plan.metric_names, plan.returned_values)

    def _end_early(self, trial: optuna.Trial) -> None:
        """Ask the trial to end here, at a checkpoint, if it is to wait; this worker, if the study is to stop now."""
        study = trial.study
        if not self.interrupts.is_for_trial and self.parks(trial):
            self.interrupts.end_trial()
        stop = read_stop(study)
        if stop is None and self.cost_budget is not None:
            stop = self.cost_budget.stop_meanwhile(whole(study))
            if stop is not None:
                write_stop(study, stop)
        if stop is not None and stop.ends_running and not self.interrupts.wishes:
            self.interrupts.end(for_study=True)

    def _at_saved(self) -> None:
        self.pace.mark()
        self.interrupts.cooperative = True

    def _at_checkpoint(self, own: OwnTrial) -> None:
        own.reach_checkpoint()
        self.pace.mark()
        self.interrupts.at_checkpoint()


def _valued(outcome: Outcome, plan: Plan) -> Outcome:
    """Return the outcome with one value where one is optimised: the weighted sum, or the first; the metrics stay."""
    if not isinstance(outcome, Completed) or not (plan.terms or plan.in_turn):
        return outcome
    terms = plan.terms or (1.0,)
    return replace(outcome, values=(sum(term * value for term, value in zip(terms, outcome.values, strict=False)),))


def _chosen_seed(config: TrialConfig) -> int | None:
    """The config's own `seed`, which the user searches or fixes; None if it is not a seed."""
    own = key_seed(config.task)
    return own if isinstance(own, int) and not isinstance(own, bool) and own >= 0 else None


def _is_shared(study: optuna.Study, directory: str) -> bool:
    """Whether the study knows the directory of several trials, as it may be after an older release."""
    return sum(directory_of(trial) == directory for trial in study.get_trials(deepcopy=False)) > 1


def _extend(plan: Plan, config: DictConfig, trial: optuna.Trial) -> None:
    # hydra-optuna-sweeper puts the fixed values where the user's function can see them.
    keep_pinned(trial, plan.space.pinned)
    get_method(str(plan.custom_search_space))(config, trial)
