# SPDX-License-Identifier: MIT
"""The story of a sweep, told by the driver: check, open the study, issue tickets, launch workers, report."""

import contextlib
import logging
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import optuna
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf
from optuna.trial import TrialState

from hyperopt_app import preflight
from hyperopt_app.dry_run import sampled
from hyperopt_app.errors import ConfigError, StorageError, StudyMismatchError, StudyStoppedError
from hyperopt_app.launchers.registry import launcher_faults, launcher_script
from hyperopt_app.launching import Crew, program_of_this_process
from hyperopt_app.results.files import write_results
from hyperopt_app.results.retrain import further_results, retrain_command
from hyperopt_app.sampling.samplers import lists_points
from hyperopt_app.sampling.seeds import new_study_seed
from hyperopt_app.settings import Settings, read_settings
from hyperopt_app.space.points import grid_points, point_of
from hyperopt_app.space.space import Space, parse_space
from hyperopt_app.storage.opening import absolute_storage, check_storage, open_storage
from hyperopt_app.study.identity import Identity, check_identity, keep_identity, stored_identity
from hyperopt_app.study.opening import create_study, find_study, open_study, study_lock
from hyperopt_app.study.plan import Plan, WorkerOptions
from hyperopt_app.study.stopping import Limits, read_stop, write_stop
from hyperopt_app.study.ticket_issue import issue, keep_budget
from hyperopt_app.study.tickets import MOST_LOSSES
from hyperopt_app.study.trial_records import failures_alone
from hyperopt_app.support.passwords import mask_password
from hyperopt_app.support.wording import front
from hyperopt_app.watching import Watch, best_lines

__all__ = ["sweep"]

_log = logging.getLogger(__name__)

# Launches in a row that end without one finished trial: then it is not bad luck, and the user must look. A trial that
# kills its workers is failed within as many.
_FRUITLESS_LAUNCHES = MOST_LOSSES


@dataclass(frozen=True)
class _Request:
    """What the user asked for, checked."""

    settings: Settings
    space: Space
    study_dir: Path
    study_name: str
    n_trials: int
    options: WorkerOptions


def sweep(
    context: HydraContext, config: DictConfig, task_function: Callable[[Any], Any], arguments: Sequence[str]
) -> None:
    """Search until the budget is spent. Runs in the driver.

    Args:
        context: Hydra's context.
        config: The composed config of the sweep.
        task_function: The user's function.
        arguments: The overrides of the command line but those of `hydra.`.

    Raises:
        ConfigError: Something is wrong; nothing was started.
        StudyStoppedError: A rule ended the study early, and the user has something to mend.
        KeyboardInterrupt: The user pressed Ctrl-C; the study can be resumed.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    request = _checked(context, config, task_function, arguments)
    if request.settings.dry_run:
        print(_dry_run(context, config, request))  # noqa: T201 - this is what the command is for
        return
    suggested_key = getattr(task_function, "suggested_key", lambda _config: None)(config)
    plan = replace(_prepare(request), suggested_key=suggested_key)
    front().accepted()
    study = open_study(plan)
    _log.info("Study %s in %s", plan.study_name, mask_password(plan.storage or str(plan.study_dir)))
    watch = Watch(plan, study, request.settings.progress)
    left_at_first = watch.left()
    if left_at_first == 0:
        more = len(plan.ended_before) - plan.n_trials
        has = f" (it has {more} more than that)" if more > 0 else ""
        _log.info("All %d trials of the study are done%s: there is nothing to do.", plan.n_trials, has)
    else:
        OmegaConf.save(OmegaConf.create(mask_password(OmegaConf.to_yaml(config))), plan.study_dir / "multirun.yaml")
        crew = Crew(plan, context, config, task_function)
        try:
            with _all_ends_are_ctrl_c():
                _run(crew, watch, request.settings.n_jobs)
        except KeyboardInterrupt:
            _write_results(plan, study, config, task_function)
            _log.warning("Interrupted with %d trials left; the same command goes on with them.", watch.left())
            raise
        if crew.is_detached:
            return
        if crew.is_out_of_time and watch.left() > 0:
            _log.info("%s", _out_of_time(plan, watch.left(), left_at_first))
    _write_results(plan, study, config, task_function)
    _conclude(plan, study, watch)


def _write_results(plan: Plan, study: optuna.Study, config: DictConfig, task_function: Callable[[Any], Any]) -> None:
    further = partial(further_results, task_function, config, plan.study_dir)
    write_results(study, plan.study_dir, partial(retrain_command, plan), further=further)


def _dry_run(context: HydraContext, config: DictConfig, request: _Request) -> str:
    settings, workers = request.settings, min(request.settings.n_jobs, request.n_trials)
    seed = settings.seed if settings.seed is not None else new_study_seed()
    script = launcher_script(config, request.study_dir, workers)
    points = _points(request, seed)
    shown = sampled(context, config, request.space, settings.sampler, settings.directions, seed, points)
    return f"{script}\n\n{shown}\n# Nothing was started or written (hydra.sweeper.dry_run=true)."


@contextlib.contextmanager
def _all_ends_are_ctrl_c() -> Iterator[None]:
    """A closed terminal or a plain `kill` ends the driver as Ctrl-C does, not in the middle of a step."""

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


def _checked(
    context: HydraContext, config: DictConfig, task_function: Callable[[Any], Any], arguments: Sequence[str]
) -> _Request:
    settings = _with_absolute_storage(read_settings(config))
    loader = context.config_loader
    space, faults = parse_space(settings.params, arguments, loader, settings.names)
    faults += preflight.check_settings(settings, space)
    faults += preflight.check_space(
        space,
        lambda overrides: loader.load_sweep_config(config, list(overrides)),
        lambda group: loader.get_group_options(group) if "." not in group else [],
    )
    faults += getattr(task_function, "preflight", lambda _config: [])(config)
    name = settings.study_name or _default_name(settings, config)
    n_trials = settings.n_trials
    if not faults and lists_points(settings.sampler, settings.custom_search_space):
        n_trials = min(n_trials, len(grid_points(space)) + len(settings.enqueue))
    options, option_faults = preflight.check_worker_options(settings, config)
    faults += option_faults
    faults += launcher_faults(config)
    request = _Request(settings, space, Path(config.hydra.sweep.dir).absolute(), name, n_trials, options)
    faults += _directory_faults(request.study_dir)
    faults += _study_faults(request, is_faultless=not faults)
    if faults:
        raise ConfigError(faults)
    return request


def _with_absolute_storage(settings: Settings) -> Settings:
    """A relative path means the driver's directory, also for workers and trials that run in another."""
    try:
        return replace(settings, storage=absolute_storage(settings.storage, Path.cwd()))
    except StorageError:
        return settings  # said with the other faults


def _default_name(settings: Settings, config: DictConfig) -> str:
    # In a database without a name each command begins a study of its own, as with hydra-optuna-sweeper.
    if settings.storage is None:
        return str(config.hydra.job.name)
    return f"{config.hydra.job.name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"


def _directory_faults(directory: Path) -> list[str]:
    nearest = next(one for one in (directory, *directory.parents) if one.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK):
        return []
    return [f"hydra.sweep.dir: {directory} cannot be made: {nearest} is no directory that you may write; set another"]


def _study_faults(request: _Request, *, is_faultless: bool) -> list[str]:
    """What an existing study, or the place for a new one, has against the request; makes no study."""
    settings = request.settings
    if settings.dry_run and settings.storage is not None:
        return []  # it shall work far from the database, and leave no tables behind
    has_journal = settings.storage is None and (request.study_dir / "journal.log").exists()
    try:
        check_storage(settings.storage, request.study_dir)
        # To open a new database makes its tables, and of a faulty command nothing shall be left.
        if not (has_journal or (settings.storage is not None and is_faultless)):
            return []
        study = find_study(open_storage(settings.storage, request.study_dir), request.study_name)
        if study is not None:
            check_identity(study, _identity(request, study), settings.accept_changes)
    except (StorageError, StudyMismatchError) as error:
        return [str(error)]
    return []


def _identity(request: _Request, study: optuna.Study | None) -> Identity:
    stored = stored_identity(study) if study is not None else None
    seed = request.settings.seed
    if seed is None:
        own = request.settings.sampler.get("seed")
        seed = stored.seed if stored is not None else new_study_seed() if own is None else int(own)
    return Identity(request.settings.directions, request.settings.metric_names, request.space, seed)


def _prepare(request: _Request) -> Plan:
    """Make or find the study, and issue its tickets, while no other driver does the same."""
    settings = request.settings
    request.study_dir.mkdir(parents=True, exist_ok=True)
    with study_lock(request.study_dir):
        storage = open_storage(settings.storage, request.study_dir)
        study = create_study(storage, request.study_name, settings.directions)
        identity = _identity(request, study)
        for line in check_identity(study, identity, settings.accept_changes):
            _log.warning("The study goes on with a change: %s", line)
        keep_identity(study, identity)
        keep_budget(study, request.n_trials)
        issue(study, request.n_trials, _points(request, identity.seed))
        write_stop(study, None)
        ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL))
    return Plan(
        storage=settings.storage,
        study_name=request.study_name,
        study_dir=request.study_dir,
        n_trials=request.n_trials,
        space=request.space,
        metric_names=settings.metric_names,
        directions=len(settings.directions),
        seed=identity.seed,
        sampler=settings.sampler,
        pruner=settings.pruner,
        limits=Limits(
            deadline=None if settings.timeout is None else time.time() + settings.timeout,
            max_failure_rate=settings.max_failure_rate,
            max_consecutive_failures=settings.max_consecutive_failures,
            min_judged=settings.n_jobs,
        ),
        ended_before=frozenset(trial.number for trial in ended),
        custom_search_space=settings.custom_search_space,
        lease_s=settings.lease_s,
        program=program_of_this_process(),
        driver_pid=os.getpid(),
        trial_timeout=settings.trial_timeout,
        options=request.options,
    )


def _points(request: _Request, seed: int) -> list[dict[str, Any]]:
    """The points that the first tickets carry: the warm start, then the grid in an order that the seed shuffles."""
    unchecked = request.settings.enqueue_unchecked
    points = [point_of(request.space, point, unchecked=unchecked)[0] for point in request.settings.enqueue]
    if lists_points(request.settings.sampler, request.settings.custom_search_space):
        grid = grid_points(request.space)
        random.Random(seed).shuffle(grid)
        points += grid
    return points


def _run(crew: Crew, watch: Watch, n_jobs: int) -> None:
    """Launch workers until no ticket is left; launch again if some died and left tickets behind."""
    fruitless = launches = 0
    with contextlib.nullcontext() if crew.is_detached else watch.shown(crew.keeps_terminal_clean):
        while watch.left() > 0 and watch.may_go_on():
            if crew.most_launches is not None and launches == crew.most_launches:
                _log.warning("%d trials are left; the same command goes on with them.", watch.left())
                return
            before = watch.left()
            launches += 1
            errors = crew.launch(min(n_jobs, before))
            if crew.is_detached:
                return
            watch.await_workers()
            if crew.is_out_of_time:
                return
            fruitless = 0 if watch.left() < before else fruitless + 1
            if fruitless == _FRUITLESS_LAUNCHES:
                raise StudyStoppedError(
                    f"The workers ended {fruitless} times without finishing a trial: "
                    f"{'; '.join(errors) or 'they gave no reason'}. Look into {crew.plan.study_dir}/workers, then "
                    "give the same command again."
                )


def _out_of_time(plan: Plan, left: int, left_at_first: int) -> str:
    """What is told when the workers have left because their time is over; no fault."""
    told = (
        f"The time of {front().time} is over, or does not suffice for a further trial: {plan.n_trials - left} of "
        f"{plan.n_trials} trials are done, {left} are left; the same command goes on with them."
    )
    if left < left_at_first:
        return told
    return f"{told} No trial fitted in: about {plan.options.grace_s:g} s are kept for the end; give it more time."


def _conclude(plan: Plan, study: optuna.Study, watch: Watch) -> None:
    stop = read_stop(study)
    if stop is None and watch.left() == 0 and (fault := failures_alone(study.get_trials(deepcopy=False))):
        ways = f"mend it, and begin another study with {front().another_study}, or ask for more trials"
        raise StudyStoppedError(f"{fault}\n{watch.first_traceback()}What to do: {ways}.")
    for line in best_lines(plan, study):
        _log.info("%s", line)
    if stop is None:
        return
    left = f"{watch.left()} of {plan.n_trials} trials are left; the same command goes on with them."
    if not stop.is_fault:
        _log.info("Stopped: %s. %s", stop.reason, left)
        return
    raise StudyStoppedError(f"The study was stopped: {stop.reason}\n{watch.first_traceback()}{left}")
