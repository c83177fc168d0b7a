# SPDX-License-Identifier: MIT
"""Run a sweep: check the request, open the study, issue tickets, launch workers, report.

This is the driver's main flow, as `worker.loop` is the worker's.
"""

import contextlib
import logging
import os
import shlex
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import optuna
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf
from optuna.trial import TrialState

from hyperopt_app.budget.counting import read_counting
from hyperopt_app.budget.tickets import MOST_LOSSES
from hyperopt_app.budget.verdict import verdict_on, words_of
from hyperopt_app.cost.cost_budget import spent_budget
from hyperopt_app.driver.command_task import CommandTask
from hyperopt_app.driver.config_changes import config_changes
from hyperopt_app.driver.dry_run import sampled
from hyperopt_app.driver.monitor import StudyMonitor, best_lines
from hyperopt_app.driver.prepare import prepare
from hyperopt_app.driver.request import Request, checked, fixed_by_sampler, points_of, way_on
from hyperopt_app.driver.workers import SweepWorkers
from hyperopt_app.errors import ResultsError, StorageError, StudyStoppedError, SubmissionError
from hyperopt_app.launchers.registry import launcher_script
from hyperopt_app.loggers.trial_log import end_left_open
from hyperopt_app.looking.summary import write_summary
from hyperopt_app.objective.task_hooks import hooks_of
from hyperopt_app.processes.streams import going_on_unread, spelling_out
from hyperopt_app.ranks.environment import refuse_as_driver
from hyperopt_app.results.retrain import keep_retrain
from hyperopt_app.results.study_results import write_study_results
from hyperopt_app.sampling.seeds import new_study_seed
from hyperopt_app.storage.patience import giving_up
from hyperopt_app.storage.snapshots.keeping import keep_snapshot
from hyperopt_app.study.identity import study_id
from hyperopt_app.study.opening import open_study
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.stopping import Stop, write_stop
from hyperopt_app.study.trial_facts import count_of_attempts, failures_alone
from hyperopt_app.support.display_text import counted
from hyperopt_app.support.files import replacing
from hyperopt_app.support.moment import moment_of
from hyperopt_app.support.passwords import mask_password
from hyperopt_app.support.shown_config import shown_config

__all__ = ["sweep"]

_log = logging.getLogger(__name__)

# Launches in a row that end without one finished trial: then it is not bad luck, and the user must look. A trial that
# kills its workers is failed within as many.
_FRUITLESS_LAUNCHES = MOST_LOSSES


def sweep(
    context: HydraContext, config: DictConfig, task_function: Callable[[Any], Any], arguments: Sequence[str]
) -> None:
    """Run the search until the budget is spent. Runs in the driver.

    Args:
        context: Hydra's context.
        config: The composed config of the sweep.
        task_function: The user's function; a `CommandTask` brings what the command in front of the driver has set.
        arguments: The overrides of the command line but those of `hydra.`.

    Raises:
        ConfigError: Something is wrong; nothing was started.
        StudyStoppedError: Failures ended this run early, and the user has to fix something.
        KeyboardInterrupt: The user pressed Ctrl-C; the study can be resumed.
        RanksError: This process is a rank above zero of a training, which opens no study.
    """
    refuse_as_driver(os.environ)
    with spelling_out(), going_on_unread(), _all_ends_are_ctrl_c():
        command = task_function if isinstance(task_function, CommandTask) else CommandTask(task_function)
        _swept(context, config, command, arguments)


def _swept(context: HydraContext, config: DictConfig, command: CommandTask, arguments: Sequence[str]) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    task_function, wording = command.task, command.wording
    request = checked(context, config, task_function, arguments, wording)
    if wording.is_application:
        for note in request.notes:
            _log.warning("%s", note)
    if request.settings.dry_run:
        print(_dry_run(context, config, request))  # noqa: T201 - this is what the command is for
        return
    plan = _prepared(request, config, task_function)
    command.accepted()
    study = open_study(plan)
    keep_retrain(study, plan)
    _log.info("Study %s in %s", plan.study_name, mask_password(plan.storage or str(plan.study_dir)))
    monitor = StudyMonitor(plan, study, request.settings.progress)
    if monitor.left() == 0:
        _log.info("%s", _nothing_to_do(plan, study, monitor.size()))
    elif spent := spent_budget(plan.study_dir, plan.budget, study):
        write_stop(study, spent)
    else:
        _log_changes(plan, study, config)
        workers = SweepWorkers(plan, context, config, task_function)
        _search(
            workers,
            monitor,
            request.settings.n_jobs,
            partial(_write_results, plan, study, config, task_function),
        )
        if workers.is_detached:
            return
    stop = monitor.judge()
    fault = _write_results(plan, study, config, task_function)
    _conclude(plan, study, monitor, stop, fault)


def _nothing_to_do(plan: Plan, study: optuna.Study, size: int) -> str:
    trials = read_counting(study)
    more = sum(trial.state.is_finished() for trial in trials) - size
    begun = sum(trial.state == TrialState.WAITING and count_of_attempts(trial) > 0 for trial in trials)
    has = f" (it has {more} more than that)" if more > 0 else ""
    grown = f" ({plan.n_trials} and what was added)" if size > plan.n_trials else ""
    waits = counted(begun, "trial of a larger budget was", "trials of a larger budget were")
    rest = f" {waits} interrupted; ask for that budget again to go on." if begun else ""
    return f"All {size} trials of the study are done{grown}{has}: there is nothing to do.{rest}"


def _search(workers: SweepWorkers, monitor: StudyMonitor, n_jobs: int, write_results: Callable[[], str]) -> None:
    """Run the workers, and log why they left before the budget was spent if that is not an error."""
    plan, left_at_first = workers.plan, monitor.left()
    _keep_config(plan.study_dir / "multirun.yaml", workers.config)
    try:
        _run_workers(workers, monitor, n_jobs)
        monitor.log_notes()
    except StorageError as error:
        raise StudyStoppedError(str(error)) from None
    except KeyboardInterrupt:
        left = "trials"
        with contextlib.suppress(StorageError), giving_up(lambda: True):  # a server may be away just now
            if fault := write_results():
                _log.warning("%s", fault)
            left, begun = counted(monitor.left(), "trial"), monitor.interrupted()
            left += f", {begun} of them begun" if begun else ""
        _log.warning("Interrupted with %s left; %s goes on.", left, plan.way_on)
        raise
    if workers.is_detached or monitor.left() == 0:
        return
    if workers.is_out_of_time:
        _log.info("%s", _out_of_time(plan, monitor.size(), monitor.left(), left_at_first))
    if workers.cancelled and monitor.judge() is None:
        rest = f"{monitor.left()} of {counted(monitor.size(), 'trial')} are left; {plan.way_on} goes on with them."
        _log.info("Stopped: %s; nothing is submitted again. %s", workers.cancelled, rest)


def _prepared(request: Request, config: DictConfig, task_function: Callable[[Any], Any]) -> Plan:
    """Prepare the study and its tickets, and complete the plan with what only config and task know."""
    return replace(
        prepare(request),
        suggested_key=hooks_of(task_function).suggested_key(config),
        seed_key=_has_seed_key(config),
        moment=moment_of(config),
        way_on=way_on(config, request),
    )


def _keep_config(path: Path, config: DictConfig) -> None:
    try:
        with replacing(path) as aside:
            aside.write_text(shown_config(config), encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}; no worker was started. Fix this and run the same command "
            "again"
        ) from None


def _log_changes(plan: Plan, study: optuna.Study, config: DictConfig) -> None:
    """Warn that trials from now on train with another config than earlier ones."""
    searched = {key.lstrip("+") for key in plan.space.distributions}
    changes = config_changes(plan.study_dir / "multirun.yaml", config, searched)
    has_trials = any(trial.state.is_finished() for trial in read_counting(study))
    if changes and has_trials and plan.wording.is_application:
        _log.warning(
            "The config is not that of the study's last command, and new trials train with it: %s. To keep them apart, "
            "set it back, or begin another study with %s.",
            *("; ".join(changes), plan.wording.another_study),
        )


def _has_seed_key(config: DictConfig) -> bool:
    """Whether the config has its own key `seed` that accepts a number."""
    if "seed" not in list(config):
        return False
    seed = None if OmegaConf.is_missing(config, "seed") else config.seed
    return seed is None or (isinstance(seed, int) and not isinstance(seed, bool))


def _write_results(plan: Plan, study: optuna.Study, config: DictConfig, task_function: Callable[[Any], Any]) -> str:
    """Write the result files.

    Returns:
        What could not be written, and what to do; an empty text if all is well.
    """
    try:
        write_study_results(study, plan, config, task_function)
    except OSError as error:
        return (
            f"Result files could not be written: {error}. All trials are stored in the study; fix this and run the "
            "same command again to write the files"
        )
    return ""


def _dry_run(context: HydraContext, config: DictConfig, request: Request) -> str:
    settings, workers = request.settings, min(request.settings.n_jobs, request.n_trials)
    seed = settings.seed if settings.seed is not None else new_study_seed()
    script = launcher_script(config, request.study_dir, workers)
    points = points_of(request, seed)
    sampler = fixed_by_sampler(request)
    shown = sampled(context, config, request.space, sampler, settings.directions, seed, points)
    return f"{script}\n\n{shown}\n# Nothing was started or written (hydra.sweeper.dry_run=true)."


@contextlib.contextmanager
def _all_ends_are_ctrl_c() -> Iterator[None]:
    """Treat a closed terminal or a plain `kill` as Ctrl-C, so that the driver never ends in the middle of a step."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    for number in wanted:  # not under nohup, which ignores SIGHUP
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in wanted:
            signal.signal(number, signal.SIG_DFL)


def _run_workers(workers: SweepWorkers, monitor: StudyMonitor, n_jobs: int) -> None:
    """Launch workers until no ticket is left; launch again if some died and left tickets behind."""
    fruitless = launches = 0
    with contextlib.nullcontext() if workers.is_detached else monitor.shown(workers.keeps_terminal_clean):
        while monitor.left() > 0 and monitor.may_go_on():
            if workers.most_launches is not None and launches == workers.most_launches:
                _log.warning("%d trials are left; %s goes on with them.", monitor.left(), workers.plan.way_on)
                return
            before = monitor.left()
            launches += 1
            is_here = workers.keeps_terminal_clean is None  # and then nobody looks while it is stopped
            with contextlib.nullcontext() if is_here else monitor.guarding():
                errors = workers.launch(min(n_jobs, before))
            if workers.is_detached:
                if errors:
                    raise SubmissionError(f"No worker was submitted: {'; '.join(errors)}")
                return
            monitor.await_workers()
            if workers.is_out_of_time or workers.cancelled:
                return
            fruitless = 0 if monitor.left() < before else fruitless + 1
            if fruitless == _FRUITLESS_LAUNCHES:
                raise StudyStoppedError(
                    f"The workers ended {fruitless} times without finishing a trial: "
                    f"{'; '.join(errors) or 'they gave no reason'}. Look into "
                    f"{workers.plan.study_dir}/workers, then run the same command again."
                )


def _out_of_time(plan: Plan, size: int, left: int, left_at_first: int) -> str:
    """The message when the workers left because their time is over, which is not an error."""
    message = (
        f"The time of {plan.wording.time} is over, or does not suffice for a further trial: {size - left} of "
        f"{size} trials are done, {left} are left; {plan.way_on} goes on with them."
    )
    if left < left_at_first:
        return message
    return f"{message} No trial fitted in: about {plan.options.grace_s:g} s are kept for the end; give it more time."


def _conclude(plan: Plan, study: optuna.Study, monitor: StudyMonitor, stop: Stop | None, fault: str) -> None:
    """Report how the study ended, and which files could not be written."""
    keep_snapshot(study, is_over=True)
    if plan.logger:
        end_left_open(plan, study_id(study), study.get_trials(deepcopy=False))
    for line in write_summary(study, plan.study_dir):
        _log.info("%s", line)
    try:
        _report_end(plan, study, monitor, stop)
    except StudyStoppedError as error:
        raise StudyStoppedError(f"{error}\n{fault}".rstrip()) from None
    if fault:
        raise ResultsError(fault)


def _report_end(plan: Plan, study: optuna.Study, monitor: StudyMonitor, stop: Stop | None) -> None:
    left = monitor.left()
    is_fault = stop is not None and stop.is_fault
    if not is_fault and left == 0 and (fault := failures_alone(monitor.trials_of_run())):
        raise StudyStoppedError(f"{fault}\n{monitor.first_traceback()}What to do: {_ways(plan)}.")
    for line in best_lines(plan, study):
        _log.info("%s", line)
    if stop is None or (left == 0 and not stop.is_fault):
        return
    rest = f"{left} of {monitor.size()} trials are left; {stop.first}{plan.way_on} goes on with them."
    if not stop.is_fault:
        _log.info("Stopped: %s. %s", stop.reason, rest)
        return
    verdict = verdict_on(study, plan.run_number)
    if verdict is not None:
        rest = words_of(study, verdict, plan.way_on, left, monitor.size())
    elif left == 0:
        rest = f"No trial is left. What to do: {_ways(plan)}."
    raise StudyStoppedError(f"The study was stopped: {stop.reason}\n{monitor.first_traceback()}{rest}")


def _ways(plan: Plan) -> str:
    """Say what to do when trials have failed and none is left."""
    again = shlex.join(["hyperopt-app", "retry", str(plan.study_dir)])
    return f"fix it, run `{again}`, then {plan.way_on}; or request more trials with {plan.wording.budget}"
