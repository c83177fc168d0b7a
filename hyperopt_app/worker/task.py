# SPDX-License-Identifier: MIT
"""The task that a launcher carries into a Hydra job: open the study there and run the worker's loop."""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext
from omegaconf import DictConfig

from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.cost.cost_budget import CostBudget, note_without_gpus
from hyperopt_app.cost.worker_times import noting_time
from hyperopt_app.errors import StorageError
from hyperopt_app.loggers.trial_log import TrialLog
from hyperopt_app.objective.first_process import ending_forks
from hyperopt_app.objective.task_hooks import hooks_of
from hyperopt_app.results.study_results import results_of_worker
from hyperopt_app.sampling.feasible import feasible
from hyperopt_app.sampling.idle_pruners import pruner_name
from hyperopt_app.sampling.samplers import build_pruner, sampler_factory
from hyperopt_app.sampling.seeds import worker_seed
from hyperopt_app.schedulers.gpu_slots import visible_gpus
from hyperopt_app.schedulers.registry import judge_of_claims
from hyperopt_app.schedulers.time_left import end_of_job
from hyperopt_app.storage.patience import giving_up
from hyperopt_app.study.heartbeat import WorkerIdentity, beating, this_worker
from hyperopt_app.study.liveness import Observer, works_elsewhere
from hyperopt_app.study.opening import open_study, study_lock
from hyperopt_app.study.own_trial import Pace
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.records.study_records import keep_bad_node, why_bad
from hyperopt_app.study.repeated_warnings import each_warning_once
from hyperopt_app.support.hydra_state import define_in_script, script_definitions, sendable
from hyperopt_app.worker.idle_pruner import IdlePruner
from hyperopt_app.worker.interruption import Ending, Where
from hyperopt_app.worker.interrupts import Interrupts
from hyperopt_app.worker.isolation import Isolation
from hyperopt_app.worker.loop import Tally, Worker
from hyperopt_app.worker.nodes import avoids, bad_nodes, check_node, default_check
from hyperopt_app.worker.run_trial import Evaluation
from hyperopt_app.worker.training.early_end import EarlyEnd
from hyperopt_app.worker.training.trainer import Trainer
from hyperopt_app.worker.trial_job import TrialJobs

__all__ = ["WorkerTask"]

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

    @property
    def study_dir(self) -> Path:
        """Where the study is; a launcher may ask before it calls."""
        return self.plan.study_dir

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "context": sendable(self.context), "script": script_definitions()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        define_in_script(state.pop("script"))
        vars(self).update(state)

    def __call__(self, _config: Any) -> Tally:
        """Work until the budget is spent; what a launcher calls inside its job."""
        plan = self.plan
        identity = this_worker(int(HydraConfig.get().job.num), plan.study_dir)
        is_isolated = plan.options.isolation == "process"
        interrupts = Interrupts(plan.options.signals, plan.options.grace_s, insist=not is_isolated)
        with (
            _own_log(),
            _quiet_optuna(),
            each_warning_once(plan.study_dir),
            beating(identity),
            noting_time(identity),
            interrupts.listening(),
            _ending_in_time(plan.options.grace_s),
            ending_forks(),
        ):
            tally = self._worked(identity, interrupts)
        if interrupts.asked_to_end and not interrupts.is_for_study and os.getpid() == plan.driver_pid:
            # The basic launcher runs workers inside the driver: the user's Ctrl-C was meant for all of it.
            raise KeyboardInterrupt
        return tally

    def _worked(self, identity: WorkerIdentity, interrupts: Interrupts) -> Tally:
        """Work; once asked to end, this worker waits no longer for a server that is away, and keeps its trial."""
        try:
            with giving_up(lambda: interrupts.asked_to_end):
                return self._work(identity, interrupts)
        except StorageError as error:
            ending = Ending(raised=error, where=Where.AROUND)
            if not ending.was_interrupted(asked_to_end=interrupts.asked_to_end):
                raise
            _log.warning("this worker ends with its trial, if it had one, to be freed by others: %s", error)
            return Tally(identity.number, interrupted=True)

    def _work(self, identity: WorkerIdentity, interrupts: Interrupts) -> Tally:
        plan, pace, node = self.plan, Pace(), _node_of(identity)
        jobs = TrialJobs(self.context, self.config, self.task_function, plan.moment)
        isolation = self._isolation(jobs, interrupts, pace) if plan.options.isolation == "process" else None
        tickets = self._tickets(identity)
        if not self._is_fit(tickets.study, node):
            return Tally(identity.number)
        results = results_of_worker(tickets, plan, self.config, self.task_function)
        idle_pruner = IdlePruner(_pruner_of(plan), plan.wording.pruner, is_automatic=plan.pruner_is_automatic)
        cost_budget = CostBudget(plan.study_dir, plan.budget)
        log = TrialLog(plan) if plan.logger else None
        note_without_gpus(tickets.study, plan.budget, os.environ)
        worker = Worker(
            tickets,
            plan.limits,
            plan.ended_before,
            feasible(sampler_factory(plan.sampler, plan.seed), plan.space, plan.seed),
            Evaluation(
                Trainer(plan, jobs, interrupts, pace, isolation),
                tickets.holds,
                EarlyEnd(interrupts, tickets.parks, cost_budget).look,
                idle_pruner,
                log,
            ),
            results,
            interrupts=interrupts,
            pace=pace,
            grace_s=plan.options.grace_s,
            lingers=plan.options.lingers,
            run_number=plan.run_number,
            cost_budget=cost_budget,
            log=log,
        )
        tally = worker.work()
        results.update(force=True)
        return tally

    def _tickets(self, identity: WorkerIdentity) -> Tickets:
        """The study's budget, as this worker takes from it."""
        plan, node = self.plan, _node_of(identity)
        observer = Observer(plan.lease_s, scheduler=judge_of_claims())
        pruner = build_pruner(plan.pruner, worker_seed(plan.seed, identity.number))
        return Tickets(
            open_study(plan, pruner),
            identity,
            plan.n_trials,
            observer=observer,
            lock=partial(study_lock, plan.study_dir),
            reopen=partial(open_study, plan, pruner),
            avoids=partial(avoids, node=node, elsewhere=partial(works_elsewhere, plan.study_dir, node, observer)),
        )

    def _isolation(self, jobs: TrialJobs, interrupts: Interrupts, pace: Pace) -> Isolation:
        """What starts the trials' processes, with its server on the way."""
        plan = self.plan
        isolation = Isolation(
            jobs,
            interrupts,
            plan,
            plan.options.grace_s,
            pace=pace,
            preload=hooks_of(self.task_function).preload(self.config),
        )
        isolation.warm_up()
        return isolation

    def _is_fit(self, study: optuna.Study, node: str) -> bool:
        """Whether this worker's node may be used; if not, that is written into the study."""
        reason = why_bad(study, node) or bad_nodes(study.get_trials(deepcopy=False)).get(node, "")
        if not reason:
            check = self.plan.options.node_check
            reason = check_node([check] if check else default_check(visible_gpus(os.environ)) if node else [])
        if not reason:
            return True
        place = f"node {node}" if node else "this machine"
        _log.error("%s is not used for this study: %s", place, reason)
        if node:
            keep_bad_node(study, node, reason)
        return False


def _node_of(identity: WorkerIdentity) -> str:
    return str(identity.place.get("node", ""))


def _pruner_of(plan: Plan) -> str | None:
    """The pruner that should act; None also with several directions, of which the driver has warned."""
    return pruner_name(plan.pruner) if plan.directions == 1 else None


@contextlib.contextmanager
def _ending_in_time(grace_s: float) -> Iterator[None]:
    """Tell the worker to end shortly before its job does, as a signal would."""
    end = end_of_job(os.environ)
    if end is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    # By a signal to this process, so that an objective which runs in it is interrupted.
    timer = threading.Timer(max(0.0, end - time.time() - grace_s), os.kill, (os.getpid(), signal.SIGTERM))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def _own_log() -> Iterator[None]:
    """Write what a worker says to its standard output, in Hydra's form; inside the driver, where the driver writes."""
    root = logging.getLogger()
    if root.handlers:
        yield
        return
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"))
    level = root.level
    root.addHandler(handler)
    root.setLevel(min(level, logging.INFO))
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@contextlib.contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Optuna logs each trial by itself; ours says it once, with the metric's name."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
