# SPDX-License-Identifier: MIT
"""The story of a sweep, told by the driver: check, open the study, issue tickets, launch workers, report."""

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any

import optuna
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from hyperopt_app.driver.config_changes import config_changes
from hyperopt_app.driver.crew import Crew
from hyperopt_app.driver.dry_run import sampled
from hyperopt_app.driver.monitor import Watch, best_lines
from hyperopt_app.driver.prepare import prepare
from hyperopt_app.driver.request import Request, checked, fixed_by_sampler, points_of, way_on
from hyperopt_app.errors import StudyStoppedError
from hyperopt_app.launchers.registry import launcher_script
from hyperopt_app.results.files import write_results
from hyperopt_app.results.retrain import further_results, retrain_command
from hyperopt_app.sampling.seeds import new_study_seed
from hyperopt_app.study.opening import open_study
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.stopping import read_stop
from hyperopt_app.study.tickets import MOST_LOSSES
from hyperopt_app.study.trial_records import failures_alone
from hyperopt_app.support.display_text import counted
from hyperopt_app.support.files import replacing
from hyperopt_app.support.moment import moment_of
from hyperopt_app.support.passwords import mask_password
from hyperopt_app.support.shown_config import shown_config
from hyperopt_app.support.wording import front

__all__ = ["sweep"]

_log = logging.getLogger(__name__)

# Launches in a row that end without one finished trial: then it is not bad luck, and the user must look. A trial that
# kills its workers is failed within as many.
_FRUITLESS_LAUNCHES = MOST_LOSSES


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
    request = checked(context, config, task_function, arguments)
    if front().is_application:
        for note in request.notes:
            _log.warning("%s", note)
    if request.settings.dry_run:
        print(_dry_run(context, config, request))  # noqa: T201 - this is what the command is for
        return
    plan = _prepared(request, config, task_function)
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
        _tell_changes(plan, config)
        with replacing(plan.study_dir / "multirun.yaml") as aside:
            aside.write_text(shown_config(config), encoding="utf-8")
        crew = Crew(plan, context, config, task_function)
        try:
            with _all_ends_are_ctrl_c():
                _run(crew, watch, request.settings.n_jobs)
            watch.tell_notes()
        except KeyboardInterrupt:
            _write_results(plan, study, config, task_function)
            _log.warning("Interrupted with %s left; %s goes on.", counted(watch.left(), "trial"), plan.way_on)
            raise
        if crew.is_detached:
            return
        if crew.is_out_of_time and watch.left() > 0:
            _log.info("%s", _out_of_time(plan, watch.left(), left_at_first))
    _write_results(plan, study, config, task_function)
    _conclude(plan, study, watch)


def _prepared(request: Request, config: DictConfig, task_function: Callable[[Any], Any]) -> Plan:
    """The study and its tickets, and the plan with what only the config and the task know."""
    return replace(
        prepare(request),
        suggested_key=getattr(task_function, "suggested_key", lambda _config: None)(config),
        seed_key=_has_seed_key(config),
        moment=moment_of(config),
        way_on=way_on(config, request),
    )


def _tell_changes(plan: Plan, config: DictConfig) -> None:
    """Point out that the trials from now on train with another config than those before."""
    searched = {key.lstrip("+") for key in plan.space.distributions}
    changes = config_changes(plan.study_dir / "multirun.yaml", config, searched)
    if changes and plan.ended_before and front().is_application:
        _log.warning(
            "The config is not that of the study's last command, and new trials train with it: %s. To keep them apart, "
            "set it back, or begin another study with %s.",
            *("; ".join(changes), front().another_study),
        )


def _has_seed_key(config: DictConfig) -> bool:
    """Whether the config has a key `seed` of its own that a number can be put into."""
    if "seed" not in list(config):
        return False
    seed = None if OmegaConf.is_missing(config, "seed") else config.seed
    return seed is None or (isinstance(seed, int) and not isinstance(seed, bool))


def _write_results(plan: Plan, study: optuna.Study, config: DictConfig, task_function: Callable[[Any], Any]) -> None:
    further = partial(further_results, task_function, config, plan.study_dir)
    write_results(study, plan.study_dir, partial(retrain_command, plan), further=further)


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


def _run(crew: Crew, watch: Watch, n_jobs: int) -> None:
    """Launch workers until no ticket is left; launch again if some died and left tickets behind."""
    fruitless = launches = 0
    with contextlib.nullcontext() if crew.is_detached else watch.shown(crew.keeps_terminal_clean):
        while watch.left() > 0 and watch.may_go_on():
            if crew.most_launches is not None and launches == crew.most_launches:
                _log.warning("%d trials are left; %s goes on with them.", watch.left(), crew.plan.way_on)
                return
            before = watch.left()
            launches += 1
            is_here = crew.keeps_terminal_clean is None  # and then nobody looks while it is stopped
            with contextlib.nullcontext() if is_here else watch.guarding():
                errors = crew.launch(min(n_jobs, before))
            if crew.is_detached:
                if errors:
                    raise StudyStoppedError(f"No worker was submitted: {'; '.join(errors)}")
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
        f"{plan.n_trials} trials are done, {left} are left; {plan.way_on} goes on with them."
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
    if stop is None or (watch.left() == 0 and not stop.is_fault):
        return
    # A result that cannot be optimised stays one until something is changed.
    mended = (
        "with that set right, " if stop.reason.startswith(("hydra.sweeper.metric", "The objective returned")) else ""
    )
    left = f"{watch.left()} of {plan.n_trials} trials are left; {mended}{plan.way_on} goes on with them."
    if not stop.is_fault:
        _log.info("Stopped: %s. %s", stop.reason, left)
        return
    raise StudyStoppedError(f"The study was stopped: {stop.reason}\n{watch.first_traceback()}{left}")
