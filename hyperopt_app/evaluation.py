# SPDX-License-Identifier: MIT
"""A worker inside a Hydra job: what a launcher carries, opens the study there and runs the worker's loop."""

import contextlib
import logging
import os
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import optuna
from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext
from hydra.utils import get_method
from omegaconf import DictConfig
from optuna.trial import FrozenTrial

from hyperopt_app.errors import HyperoptError
from hyperopt_app.grammar import override_text, quoted_text
from hyperopt_app.interrupts import Interrupts
from hyperopt_app.job import TrialJobs
from hyperopt_app.liveness import Observer, WorkerIdentity, beating, this_worker
from hyperopt_app.objective import Completed, Failed, Trial, active_trial, outcome_of
from hyperopt_app.plan import Plan
from hyperopt_app.results import ThrottledResults, write_results
from hyperopt_app.samplers import build_pruner, sampler_factory, trial_seed
from hyperopt_app.space import suggest
from hyperopt_app.storage import open_storage
from hyperopt_app.study import study_lock
from hyperopt_app.tickets import Tickets
from hyperopt_app.worker import Tally, Worker

__all__ = ["WorkerTask", "open_study", "retrain_command", "trial_overrides"]

_log = logging.getLogger(__name__)


@dataclass
class WorkerTask:
    """The task function that a launcher runs N times: one worker each. It is pickled on the way there.

    Attributes:
        plan: What the driver decided.
        context: Hydra's context of the sweep.
        config: The sweep's composed config.
        task_function: The user's function.
    """

    plan: Plan
    context: HydraContext
    config: DictConfig
    task_function: Callable[[Any], Any]

    def __call__(self, _config: Any) -> Tally:
        """Work until the budget is spent; what a launcher calls inside its job."""
        identity = this_worker(int(HydraConfig.get().job.num), self.plan.study_dir)
        interrupts = Interrupts()
        with _quiet_optuna(), beating(identity), interrupts.listening():
            tally = self._work(identity, interrupts)
        if interrupts.told_to_end and os.getpid() == self.plan.driver_pid:
            # The basic launcher runs workers inside the driver: the user's Ctrl-C was meant for all of it.
            raise KeyboardInterrupt
        return tally

    def _work(self, identity: WorkerIdentity, interrupts: Interrupts) -> Tally:
        plan = self.plan
        tickets = Tickets(
            open_study(plan),
            identity,
            plan.n_trials,
            observer=Observer(plan.lease_s),
            lock=lambda: study_lock(plan.study_dir),
            reopen=lambda: open_study(plan),
        )
        jobs = TrialJobs(self.context, self.config, self.task_function, identity.worker)
        retrain = partial(retrain_command, plan)
        results = ThrottledResults(lambda: write_results(tickets.study, plan.study_dir, retrain))
        worker = Worker(
            tickets,
            plan.limits,
            plan.ended_before,
            sampler_factory(plan.sampler, plan.seed),
            _Evaluation(plan, jobs, interrupts).run,
            results.update,
            lambda: interrupts.told_to_end,
        )
        tally = worker.work()
        results.update(force=True)
        return tally


@dataclass
class _Evaluation:
    """From a claimed trial to what its objective returned."""

    plan: Plan
    jobs: TrialJobs
    interrupts: Interrupts

    def run(self, optuna_trial: optuna.Trial) -> Completed | Failed:
        """Suggest, compose, call the objective; the worker's boundary is around it."""
        plan = self.plan
        resumed = "directory" in optuna_trial.user_attrs  # even if there is no parameter to suggest
        try:
            for name, distribution in plan.space.distributions.items():
                suggest(optuna_trial, name, distribution)
        except ImportError as error:  # a sampler loads what it needs when it first samples
            raise HyperoptError(f"hydra.sweeper.sampler: {error}; install it where the workers run") from None
        if plan.custom_search_space:
            _extend(plan, self.jobs.config, optuna_trial)
        searched = trial_overrides(plan, optuna_trial.params)
        config = self.jobs.compose(plan.space.fixed, searched, optuna_trial.number)
        optuna_trial.set_user_attr("directory", str(config.directory))
        trial = Trial(
            optuna_trial,
            directory=config.directory,
            seed=trial_seed(plan.seed, optuna_trial.number),
            resumed=resumed,
            metric_names=plan.metric_names,
            reported=_reported(optuna_trial) if resumed else (),
            writing=self.interrupts.writing,
        )
        with active_trial(trial), self.interrupts.objective():
            returned = self.jobs.run(config)
        return outcome_of(returned, plan.metric_names, plan.directions)


def _reported(trial: optuna.Trial) -> Collection[int]:
    """The steps of the learning curve that an earlier worker has recorded."""
    return trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values.keys()


def _extend(plan: Plan, config: DictConfig, trial: optuna.Trial) -> None:
    # hydra-optuna-sweeper puts the fixed values where the user's function can see them.
    for name, text in plan.space.pinned.items():
        trial.set_user_attr(name, text)
    get_method(str(plan.custom_search_space))(config, trial)


def trial_overrides(plan: Plan, params: Mapping[str, Any]) -> tuple[str, ...]:
    """The overrides that set a trial's parameters; those of a custom search space are plain values."""
    searched = plan.space.distributions
    return tuple(
        override_text(key, value) if key in searched else f"{key}={quoted_text(value)}"
        for key, value in params.items()
        if key not in plan.space.pinned
    )


def retrain_command(plan: Plan, trial: FrozenTrial) -> str:
    """The shell command that trains once with a trial's parameters."""
    return f"{plan.program} {shlex.join((*plan.space.fixed, *trial_overrides(plan, trial.params)))}"


def open_study(plan: Plan) -> optuna.Study:
    """The study of a plan, with its pruner. Runs in workers and in the driver."""
    storage = open_storage(plan.storage, plan.study_dir)
    return optuna.load_study(study_name=plan.study_name, storage=storage, pruner=build_pruner(plan.pruner))


@contextlib.contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Optuna logs each trial by itself; ours says it once, with the metric's name."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
