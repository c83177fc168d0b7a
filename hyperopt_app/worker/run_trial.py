# SPDX-License-Identifier: MIT
"""Run one claimed trial and return its outcome: values are suggested, a config composed, the objective called."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import optuna
from hydra.utils import get_method
from omegaconf import DictConfig

from hyperopt_app.config.seeding import key_seed
from hyperopt_app.errors import HyperoptError, SpaceError, StorageError
from hyperopt_app.loggers.facts import facts_of
from hyperopt_app.loggers.trial_log import TrialLog
from hyperopt_app.objective.first_process import ending_forks
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Outcome, Parked, Pruned
from hyperopt_app.repeats.settings import Repeats, read_repeats
from hyperopt_app.space.constraints import Constraints
from hyperopt_app.space.space import suggest_all, values_of
from hyperopt_app.space.trial_overrides import chooses_seed, trial_overrides
from hyperopt_app.study.identity import study_id
from hyperopt_app.study.own_trial import OwnTrial
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.records.trial_records import (
    begun_attempts,
    directory_of,
    keep_attempt,
    keep_pinned,
    keep_seed,
    repeats_of,
)
from hyperopt_app.study.trial_directory import Owner, claim, go_on
from hyperopt_app.study.trial_facts import reported_curve
from hyperopt_app.support.display_text import excess_text
from hyperopt_app.worker.attempt import attempt
from hyperopt_app.worker.idle_pruner import IdlePruner
from hyperopt_app.worker.interruption import Where
from hyperopt_app.worker.interrupts import EndRequest
from hyperopt_app.worker.training.repeated import seed_of_repeat, train_repeatedly
from hyperopt_app.worker.training.trainer import Trainer, Training
from hyperopt_app.worker.trial_job import TrialConfig, TrialJobs

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
    """Prepares the trials of one worker and has the objective called with them.

    Attributes:
        trainer: Calls the objective, here or in a process of the trial's own.
        holds: Asks the study whether a trial is still this worker's.
        look_for_end: Called at each checkpoint of a trial; may ask it, or this worker, to end there.
        idle_pruner: Notices that the pruner cannot act.
        log: The trials' runs of the chosen loggers; None without any.
    """

    trainer: Trainer
    holds: Callable[[optuna.Trial], bool] = lambda _trial: True
    look_for_end: Callable[[optuna.Trial], None] = lambda _trial: None
    idle_pruner: IdlePruner = field(default_factory=IdlePruner)
    log: TrialLog | None = None
    _plan: Plan = field(init=False)
    _jobs: TrialJobs = field(init=False)
    _study_id: str | None = field(default=None, init=False)
    _constraints: Constraints = field(init=False)
    _repeats: Repeats | None = field(init=False)

    def __post_init__(self) -> None:
        self._plan, self._jobs = self.trainer.plan, self.trainer.jobs
        self._constraints = Constraints(self._plan.space)
        self._repeats = read_repeats(self._plan.repeats)

    @property
    def where(self) -> Where:
        """Where the objective runs."""
        return self.trainer.where

    def evaluate(self, trial: optuna.Trial, /) -> Outcome:
        """Suggest, compose and call the objective; what is raised comes through to `run_trial`."""
        trial = self.idle_pruner.watched(trial)
        outcome = self._constrained(trial, self._evaluated(trial))
        self.idle_pruner.judge(trial, outcome)
        return outcome

    def _evaluated(self, trial: optuna.Trial) -> Outcome:
        resumed = directory_of(trial) is not None  # also without a parameter to suggest
        params = self._suggested(trial)
        if not resumed and self._violates(trial, params):
            return Pruned()
        searched, is_seed_chosen = trial_overrides(self._plan, params), chooses_seed(self._plan, params)
        config = self._jobs.compose(self._plan.space.fixed, searched, trial.number)
        config, owner = self._placed(trial, config)
        chosen = _chosen_seed(config) if is_seed_chosen else None
        seed = self._seed(trial.number, chosen)
        keep_seed(trial, seed)
        curve = reported_curve(trial) if resumed else {}
        on_report = self._logged(owner, params, config.directory, seed, curve)
        holds, look_for_end = partial(self.holds, trial), partial(self.look_for_end, trial)
        own = OwnTrial(trial, holds, config.directory, owner, look_for_end, on_report)
        training = Training(own, params, config, seed, resumed, tuple(curve))
        self.trainer.pace.begin()
        try:
            if self._repeats is not None:
                return train_repeatedly(self.trainer, self._repeats, training, trial, chosen)
            return self.trainer.train(training)
        finally:
            self.trainer.pace.mark()

    def _seed(self, number: int, chosen: int | None) -> int:
        """Return the seed of a trial's only training, or of its first repeat."""
        if self._repeats is not None:
            return seed_of_repeat(self._plan, chosen, 0)
        return self._plan.training_seed(number) if chosen is None else chosen

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
        if not isinstance(outcome, Completed) or not self._plan.space.constraints or not self.holds(trial):
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
        plan = self._plan
        try:
            suggest_all(optuna_trial, plan.space)
        except ImportError as error:  # a sampler loads what it needs when it first samples
            raise HyperoptError(f"hydra.sweeper.sampler: {error}; install it where the workers run") from None
        if plan.custom_search_space:
            _extend(plan, self._jobs.config, optuna_trial)
        return values_of(optuna_trial)

    def _placed(self, optuna_trial: optuna.Trial, config: TrialConfig) -> tuple[TrialConfig, Owner]:
        """The job in a directory that is this trial's alone, that of its first attempt or a new one; and who signed."""
        study, study_dir = optuna_trial.study, self._plan.study_dir
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
        return config.moved(directory, self._jobs.origin), owner

    def _logged(
        self, owner: Owner, params: Mapping[str, Any], directory: Path, seed: int, curve: Mapping[int, float]
    ) -> Callable[[float, int], None] | None:
        """Open the trial's runs, and return what adds a point to their curves; None without a logger."""
        if self.log is None:
            return None
        self.log.begin(facts_of(self._plan, owner.study_id, owner.number, params, directory, seed), curve)
        return self.log.report


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
