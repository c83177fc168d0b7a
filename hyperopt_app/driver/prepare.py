# SPDX-License-Identifier: MIT
"""Create or open the study, issue its tickets, and write the plan for the workers."""

import logging
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget.set_aside import discard_one, set_aside_of, undone_of
from hyperopt_app.budget.ticket_issue import (
    budget_with_room,
    issue,
    issue_again,
    keep_budget,
    points_left,
    still_undone,
)
from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.budget.verdict import begin_run, close_run
from hyperopt_app.driver.places import keep_owner, other_study
from hyperopt_app.driver.request import (
    Request,
    accepted_changes,
    fixed_by_sampler,
    identity_of,
    idle_methods,
    is_wanted,
    points_of,
)
from hyperopt_app.errors import ConfigError, StudyMismatchError
from hyperopt_app.preflight.earlier_studies import keep_earlier
from hyperopt_app.sampling.samplers import lists_points
from hyperopt_app.settings.methods import with_automatic_methods
from hyperopt_app.settings.reading import Settings
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.heartbeat import this_worker
from hyperopt_app.study.identity import Identity, in_the_studys_form, keep_identity
from hyperopt_app.study.liveness import Observer
from hyperopt_app.study.notes import begin_notes
from hyperopt_app.study.opening import create_study, find_study, study_lock
from hyperopt_app.study.plan import Plan, sweep_options
from hyperopt_app.study.records.study_records import attributes_of, run_in, spec_of
from hyperopt_app.study.records.trial_records import point_of
from hyperopt_app.study.stopping import Limits, read_stop, write_stop

__all__ = ["prepare", "program_of_this_process"]

_log = logging.getLogger(__name__)

_CONFIG_FLAGS = ("--config-name", "-cn", "--config-path", "-cp", "--config-dir", "-cd")


def prepare(request: Request) -> Plan:
    """Create or open the study and issue its tickets, while no other driver does the same."""
    settings = request.settings
    _make(request.study_dir)
    with study_lock(request.study_dir):
        storage = open_storage(settings.storage, request.study_dir)
        # Looked at again: another driver may have been faster, and what a faster one has begun is its own.
        existing = find_study(storage, request.study_name)
        fault = other_study(request.study_dir, request.study_name, existing, settings.storage, request.wording)
        if fault is not None:
            raise StudyMismatchError(fault)
        study = create_study(storage, request.study_name, settings.directions)
        _refuse_held(study, request)
        settings = _as_begun(study, settings, request.space.parameters)
        space = in_the_studys_form(study, request.space, plain_choices=settings.plain_choices)
        request = replace(request, space=space, settings=settings)
        identity = identity_of(request, study)
        _log_line(close_run(study))
        changes, is_new = accepted_changes(study, request, identity)
        _log_changes(changes, is_new=is_new)
        if changes and is_new:
            _drop_points(study, request, identity.seed)
        keep_identity(study, identity)
        keep_owner(request.study_dir, study)
        keep_earlier(request.study_dir, request.earlier)
        keep_budget(study, request.n_trials, listed=_lists_points(request))
        _issue(study, request, identity.seed)
        write_stop(study, None)
        begin_notes(study, idle_methods(settings, request.wording))
        ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL))
        plan = _plan(request, identity, ended)
        number = begin_run(
            study, plan.ended_before, plan.limits, has_new_search=is_new and bool(changes), methods=settings.options
        )
    return replace(plan, run_number=number)


def _refuse_held(study: optuna.Study, request: Request) -> None:
    """Leave a held study alone: who has held it wants that no command of a script or of a colleague goes on with it."""
    stop = read_stop(study)
    if stop is not None and stop.is_hold:
        release = shlex.join(["hyperopt-app", "release", str(request.study_dir)])
        raise StudyMismatchError(f"The study is held, since {stop.reason}. `{release}` lets this command go on.")


def _as_begun(study: optuna.Study, settings: Settings, space: Mapping[str, BaseDistribution]) -> Settings:
    """Return the settings with the methods that were chosen for the study when it began, and say what they are."""
    run = run_in(attributes_of(study))
    if run or spec_of(study) is not None:
        settings = with_automatic_methods(settings, space, run.get("methods", {}))
    if settings.options:
        chosen = " and ".join(f"{name} {option}" for name, option in settings.options.items())
        _log.info("The study has %s, since %s.", chosen, settings.reason)
    return settings


def _log_line(line: str) -> None:
    if line:
        _log.warning("%s", line)


def _log_changes(changes: Sequence[str], *, is_new: bool) -> None:
    if changes and is_new:
        _log.warning(
            "No trial of the study counts yet, so it continues with the current search space: %s", "; ".join(changes)
        )
        return
    for line in changes:
        _log.warning("The study goes on with a change: %s", line)


def _drop_points(study: optuna.Study, request: Request, seed: int) -> None:
    """Do not issue points again that the search space no longer contains."""
    trials, undone = study.get_trials(deepcopy=False), undone_of(study)
    for number in undone:
        point = point_of(trials[number])
        if point and not is_wanted(request, seed, point):
            discard_one(study, number, set_aside_of(study, trials)[number])


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # under /proc, root may write by its mode, and cannot
        raise ConfigError([f"hydra.sweep.dir: {directory} cannot be made: {error.strerror}; set another"]) from None


def _plan(request: Request, identity: Identity, ended: Sequence[FrozenTrial]) -> Plan:
    settings = request.settings
    return Plan(
        study_name=request.study_name,
        study_dir=request.study_dir,
        n_trials=request.n_trials,
        space=request.space,
        metric_names=settings.metric_names,
        terms=settings.terms,
        in_turn=bool(settings.in_turn),
        directions=len(settings.directions),
        seed=identity.seed,
        sampler=fixed_by_sampler(request),
        pruner=settings.pruner,
        pruner_is_automatic="pruner" in settings.options,
        limits=Limits(
            deadline=None if settings.timeout is None else time.time() + settings.timeout,
            max_failure_rate=settings.max_failure_rate,
            max_consecutive_failures=settings.max_consecutive_failures,
            min_judged=settings.n_jobs,
        ),
        ended_before=frozenset(trial.number for trial in ended),
        lease_s=settings.lease_s,
        program=program_of_this_process(sweeps_by_itself=request.sweeps_by_itself),
        driver_pid=os.getpid(),
        **sweep_options(settings),
        wording=request.wording,
        options=request.options,
    )


def _issue(study: optuna.Study, request: Request, seed: int) -> None:
    """Issue the tickets; new points of the command go to waiting tickets, and to new ones."""
    points, n_trials = points_of(request, seed), request.n_trials
    issue_again(study)
    trials = study.get_trials(deepcopy=False)
    fresh = points_left(trials, points, still_undone(study, trials))
    tickets = Tickets(
        study,
        this_worker(-1, request.study_dir),
        n_trials,
        observer=Observer(request.settings.lease_s),
        lock=nullcontext,
        reopen=lambda: study,
    )
    tickets.carry(fresh)
    issue(study, n_trials, points)
    asked = points[: len(request.settings.enqueue)]
    trials = study.get_trials(deepcopy=False)
    left = len(points_left(trials, asked, still_undone(study, trials)))
    if not left:
        return
    them = "it" if left == 1 else "them"
    wanted = budget_with_room(trials, set_aside_of(study, trials), n_trials, left)
    room = f"{request.wording.budget}={wanted} makes room for {them}"
    if _lists_points(request):
        room = "a grid has as many trials as points, so keep those of earlier commands in the list"
    _log.warning(
        "%s: no trial is free for %d of %d points, since all %d of the budget have started or have a point; %s.",
        *(request.wording.points, left, len(asked), n_trials, room),
    )


def _lists_points(request: Request) -> bool:
    return lists_points(request.settings.sampler, request.settings.custom_search_space)


def program_of_this_process(*, sweeps_by_itself: bool = False) -> str:
    """Return how the user started this program, with the flags that choose the config, for use in a command.

    Args:
        sweeps_by_itself: Whether the config asks for a sweep, so that a single training has to ask for one run.
    """
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        words = ["python", "-m", spec.name.removesuffix(".__main__")]
    else:
        path = Path(sys.argv[0])
        words = [str(path)] if path.suffix != ".py" else ["python", str(path)]
    flags = _config_flags(sys.argv[1:])
    if sweeps_by_itself or not {"-m", "--multirun"} & set(sys.argv):
        flags.append("hydra.mode=RUN")
    return shlex.join([*words, *flags])


def _config_flags(arguments: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for position, word in enumerate(arguments):
        if word in _CONFIG_FLAGS:
            kept += arguments[position : position + 2]
        elif word.split("=", 1)[0] in _CONFIG_FLAGS:
            kept.append(word)
    return kept
