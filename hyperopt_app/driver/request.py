# SPDX-License-Identifier: MIT
"""Run all checks of a sweep's command, and return the checked `Request` or raise all errors together."""

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from hydra.core.config_loader import ConfigLoader
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from hyperopt_app.budget.untried import is_untried
from hyperopt_app.config.command_line import hydra_words, task_words
from hyperopt_app.config.hidden_files import hidden_files
from hyperopt_app.config.presets import is_preset
from hyperopt_app.driver.places import other_study, place_faults
from hyperopt_app.errors import ConfigError, StorageError, StudyMismatchError
from hyperopt_app.launchers.registry import launcher_faults, launcher_row
from hyperopt_app.loggers.registry import logger_faults, with_absolute_places
from hyperopt_app.objective.task_hooks import hooks_of
from hyperopt_app.preflight import settings as preflight
from hyperopt_app.preflight.earlier_studies import EarlierTrials, read_earlier
from hyperopt_app.preflight.fields import with_right_fields
from hyperopt_app.preflight.folder import folder_faults
from hyperopt_app.preflight.space import check_search, check_space
from hyperopt_app.repeats.settings import read_repeats
from hyperopt_app.sampling.idle_pruners import idle_pruner, idle_sampler, optimised_in_turn, pruned_by_part
from hyperopt_app.sampling.samplers import lists_points, takes_knowledge, with_tree
from hyperopt_app.sampling.seeds import new_study_seed
from hyperopt_app.settings.hints import has_the_time_in_it, launch_note, old_dialect_note
from hyperopt_app.settings.keys import nothing_chosen, unknown_keys, unreadable
from hyperopt_app.settings.lost_keys import lost_keys
from hyperopt_app.settings.methods import with_automatic_methods, with_methods
from hyperopt_app.settings.misplaced import misplaced
from hyperopt_app.settings.reading import Settings, read_settings
from hyperopt_app.space.constraints import Constraints, feasible_grid
from hyperopt_app.space.points import point_of
from hyperopt_app.space.space import Space, parse_space
from hyperopt_app.storage.opening import absolute_storage, check_storage, open_storage
from hyperopt_app.study.identity import Identity, check_identity, stored_identity
from hyperopt_app.study.opening import find_study
from hyperopt_app.study.plan import WorkerOptions
from hyperopt_app.support.passwords import mask_password
from hyperopt_app.support.wording import HYDRA_WORDING, Wording

__all__ = [
    "Request",
    "accepted_changes",
    "checked",
    "fixed_by_sampler",
    "identity_of",
    "idle_methods",
    "is_wanted",
    "points_of",
    "way_on",
]


@dataclass(frozen=True)
class Request:
    """The user's request, checked.

    Attributes:
        settings: The fields of `hydra.sweeper`.
        space: What is searched and fixed.
        study_dir: Absolute.
        study_name: The study's name in its storage.
        n_trials: The budget; with a grid not more than its points.
        options: How the workers treat their trials.
        sweeps_by_itself: Whether the config asks for a sweep (`hydra.mode: MULTIRUN`), also without `--multirun`.
        notes: What to tell, once, where nothing is wrong.
        wording: How the command names its settings.
        earlier: Trials of the studies that `warm_start` names.
    """

    settings: Settings
    space: Space
    study_dir: Path
    study_name: str
    n_trials: int
    options: WorkerOptions
    sweeps_by_itself: bool = False
    notes: tuple[str, ...] = ()
    wording: Wording = HYDRA_WORDING
    earlier: EarlierTrials = field(default_factory=EarlierTrials)


def checked(
    context: HydraContext,
    config: DictConfig,
    task_function: Callable[[Any], Any],
    arguments: Sequence[str],
    wording: Wording = HYDRA_WORDING,
) -> Request:
    """Check a command and return its request; the arguments are those of `sweep`.

    Raises:
        ConfigError: With all that is wrong.
    """
    loader, hooks = context.config_loader, hooks_of(task_function)
    if hidden := hidden_files(loader, config):  # what else is wrong with the config is not the user's
        raise ConfigError(hidden)
    settings, field_faults, method_faults = _settings_and_faults(loader, config)
    settings, space, is_read, faults = _read_search(loader, settings, arguments)
    strays = misplaced(config, settings, typed=arguments)
    study_dir = Path(config.hydra.sweep.dir).absolute()
    earlier, earlier_faults = read_earlier(settings, space if is_read else None, study_dir)
    faults += [*unknown_keys(config), *field_faults, *settings.reading_faults]
    faults += lost_keys(config, partial(_composed, loader, config))
    faults += [*strays.faults, *method_faults, *preflight.check_settings(settings, space), *earlier_faults]
    if not (strays.faults or field_faults):  # which the config would not know either, and say in other words
        faults += _space_faults(loader, config, space)
    objective_faults = hooks.preflight(config)
    faults += objective_faults
    n_trials = settings.n_trials if faults else _wanted_trials(settings, space)
    if is_read and not strays.faults and wording.is_application:  # the original trains with all that it took
        suggests = _others_suggest(settings, None if objective_faults else hooks.suggested_key(config))
        faults += check_search(space, n_trials, others_suggest=suggests, plain_choices=settings.plain_choices)
    options, option_faults = preflight.check_worker_options(settings, config)
    faults += [*option_faults, *(launcher_faults(config) or preflight.check_launcher(context, config, task_function))]
    idle = {} if faults else idle_methods(settings, wording)
    notes = (*old_dialect_note(settings.translated), *strays.notes, *launch_note(config, settings))
    notes = (*notes, *idle.values(), *earlier.notes)
    name = settings.study_name or _default_name(settings, config)
    request = Request(
        settings, space, study_dir, name, n_trials, options, wording=wording, notes=notes, earlier=earlier
    )
    faults += _directory_faults(context, config, request, has_faults=bool(faults))
    if faults:
        raise ConfigError([mask_password(fault) for fault in faults])
    return replace(request, sweeps_by_itself=_sweeps_by_itself(loader, config))


def _read_search(
    loader: ConfigLoader, settings: Settings, arguments: Sequence[str]
) -> tuple[Settings, Space, bool, list[str]]:
    """Read the search space.

    Returns:
        The settings, with methods that go with this space; the space; whether all of it could be read; and its faults.
    """
    space, faults = parse_space(settings.params, arguments, loader, settings.names, settings.when)
    is_read = not faults
    settings = with_automatic_methods(settings, space.parameters)
    space, constraint_faults = _completed(space, settings, is_read=is_read)
    return settings, space, is_read, [*faults, *constraint_faults]


def _directory_faults(context: HydraContext, config: DictConfig, request: Request, *, has_faults: bool) -> list[str]:
    """What is wrong with the study's directory and with the study in it."""
    if unusable := folder_faults(request.study_dir, has_jobs=launcher_row(config).runs_in == "jobs"):
        return unusable
    own_places = partial(
        place_faults, context, config, request.space, request.n_trials, request.study_dir, wording=request.wording
    )
    return _study_faults(request, None if has_faults else own_places)


def _completed(space: Space, settings: Settings, *, is_read: bool) -> tuple[Space, list[str]]:
    """Return the space without what says where trials run, and with its constraints; and the faults of these."""
    space = replace(space, pinned={key: text for key, text in space.pinned.items() if not is_preset(f"{key}={text}")})
    faults = preflight.constraint_faults(settings.constraints, space if is_read else None)
    return (space if faults else replace(space, constraints=tuple(map(str.strip, settings.constraints)))), faults


def idle_methods(settings: Settings, wording: Wording) -> dict[str, str]:
    """Return warnings about the sampler and the pruner, by kind."""
    is_hydras, directions = wording.is_application, len(settings.directions)
    return {
        **idle_sampler(settings.sampler, directions),
        **idle_pruner(settings.sampler, settings.pruner, directions, is_hydras=is_hydras),
        **pruned_by_part(settings.pruner, *settings.objective_names[: len(settings.terms)]),
        **optimised_in_turn(settings.in_turn, settings.pruner),
    }


def _space_faults(loader: ConfigLoader, config: DictConfig, space: Space) -> list[str]:
    """What is wrong with the search space where the config is composed with its values."""
    return check_space(
        space,
        lambda overrides: loader.load_sweep_config(config, list(overrides)),
        lambda group: loader.get_group_options(group) if "." not in group else [],
    )


def _others_suggest(settings: Settings, suggested_key: str | None) -> bool:
    """Whether the objective or a user's function suggests parameters, which no check can see."""
    return settings.objective_suggests or bool(settings.custom_search_space) or suggested_key is not None


def _settings_and_faults(loader: ConfigLoader, config: DictConfig) -> tuple[Settings, list[str], list[str]]:
    """Return settings for the other checks, and the errors in plain fields, sampler and pruner.

    Raises:
        ConfigError: Something cannot be read, and so no other fault can be found.
    """
    if unread := unreadable(config) or nothing_chosen(config):
        raise ConfigError([*unread, *unknown_keys(config)])
    settings, faults = with_right_fields(read_settings(config), config)
    settings, of_methods = with_methods(_with_absolute_places(settings), config, partial(_recomposed, loader, config))
    return settings, faults, of_methods


def _sweeps_by_itself(loader: ConfigLoader, config: DictConfig) -> bool:
    # Hydra turns --multirun into one more override.
    typed = [word for word in hydra_words(config) if word != "hydra.mode=MULTIRUN"]
    return _composed(loader, config, [*task_words(config), *typed]).hydra.mode is RunMode.MULTIRUN


def _wanted_trials(settings: Settings, space: Space) -> int:
    """Return how many trials are wanted: no more than there are points, where the sampler lists them."""
    if not lists_points(settings.sampler, settings.custom_search_space):
        return settings.n_trials
    return min(settings.n_trials, len(feasible_grid(space)) + len(settings.enqueue))


def _recomposed(loader: ConfigLoader, config: DictConfig, overrides: list[str]) -> DictConfig:
    """Compose the command's config with other overrides of `hydra.`."""
    return _composed(loader, config, [*task_words(config), *overrides])


def _composed(loader: ConfigLoader, config: DictConfig, words: list[str]) -> DictConfig:
    """Compose the config of another command line of this app."""
    return loader.load_configuration(config.hydra.job.config_name, words, run_mode=RunMode.MULTIRUN)


def _with_absolute_places(settings: Settings) -> Settings:
    """Resolve relative paths against the driver's directory, also for workers that run elsewhere."""
    if not any(logger_faults(settings.logger)):
        settings = replace(settings, logger=with_absolute_places(settings.logger, Path.cwd()))
    try:
        return replace(settings, storage=absolute_storage(settings.storage, Path.cwd()))
    except StorageError:
        return settings  # said with the other faults


def _default_name(settings: Settings, config: DictConfig) -> str:
    # In a database without a name each command begins a study of its own, as with hydra-optuna-sweeper.
    if settings.storage is None:
        return str(config.hydra.job.name)
    return f"{config.hydra.job.name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"


def way_on(config: DictConfig, request: Request) -> str:
    """Return the command that continues the study: the same command, or the same with an addition."""
    settings = request.settings
    if settings.storage is not None and settings.study_name is None:
        return f"the same command with hydra.sweeper.study_name={request.study_name}"
    if settings.storage is None and has_the_time_in_it(config):
        return f"the same command with hydra.sweep.dir={request.study_dir}"
    return "the same command"


def _study_faults(request: Request, own_places: Callable[[optuna.Study | None], list[str]] | None) -> list[str]:
    """Check an existing study, or the place for a new one, against the request; creates no study.

    Args:
        request: The request.
        own_places: What is wrong with the directories of the study's next trials; None if the request has faults.
    """
    settings, study = request.settings, None
    if settings.dry_run and settings.storage is not None:
        return []  # it shall work far from the database, and leave no tables behind
    has_journal = settings.storage is None and (request.study_dir / "journal.log").exists()
    try:
        check_storage(settings.storage, request.study_dir)
        # To open a new database makes its tables, and of a faulty command nothing shall be left.
        if has_journal or (settings.storage is not None and own_places is not None):
            study = find_study(open_storage(settings.storage, request.study_dir), request.study_name)
        if study is not None:
            accepted_changes(study, request, identity_of(request, study))
    except (StorageError, StudyMismatchError) as error:
        return [str(error)]
    if own_places is None:
        return []
    fault = other_study(request.study_dir, request.study_name, study, settings.storage, request.wording)
    return own_places(study) if fault is None else [fault]


def identity_of(request: Request, study: optuna.Study | None) -> Identity:
    """Return the identity that the command requests; an open seed is the stored study's, or a new one."""
    stored = stored_identity(study) if study is not None else None
    seed = request.settings.seed
    if seed is None:
        own = request.settings.sampler.get("seed")
        seed = stored.seed if stored is not None else own if isinstance(own, int) else new_study_seed()
    # Where its trials run is not part of a study.
    space = replace(request.space, fixed=tuple(line for line in request.space.fixed if not is_preset(line)))
    settings = request.settings
    repeats = read_repeats(settings.repeats)
    text = "" if repeats is None else str(repeats)
    return Identity(settings.directions, settings.objective_names, space, seed, tuple(settings.in_turn), text)


def accepted_changes(study: optuna.Study, request: Request, identity: Identity) -> tuple[list[str], bool]:
    """Compare a stored study with a command that may continue it, and return the differences.

    Returns:
        The differences, one line each; and whether the study has tried nothing yet, so that it is the command's now.

    Raises:
        StudyMismatchError: The command asks for another study.
    """
    untried = is_untried(study, partial(is_wanted, request, identity.seed))
    changes = check_identity(
        study, identity, request.settings.accept_changes, is_untried=untried, wording=request.wording
    )
    return changes, untried


def is_wanted(request: Request, seed: int, point: Mapping[str, Any]) -> bool:
    """Whether this command may try a point that waits in the study."""
    if lists_points(request.settings.sampler, request.settings.custom_search_space):
        return point in points_of(request, seed)
    return not point_of(request.space, point, unchecked=request.settings.enqueue_unchecked)[1]


def points_of(request: Request, seed: int) -> list[dict[str, Any]]:
    """Return the points of the first tickets: the user's, what was good before, or the grid shuffled by the seed."""
    unchecked = request.settings.enqueue_unchecked
    points = [point_of(request.space, point, unchecked=unchecked)[0] for point in request.settings.enqueue]
    if lists_points(request.settings.sampler, request.settings.custom_search_space):
        grid = feasible_grid(request.space)
        random.Random(seed).shuffle(grid)
        points += grid
        return points
    constraints = Constraints(request.space)
    points += [dict(point) for point in request.earlier.first if constraints.is_feasible(point)]
    if request.settings.prior:
        points.append(_prior_of(request))
    return points


def _prior_of(request: Request) -> dict[str, Any]:
    """Return the user's prior in the study's form."""
    return point_of(request.space, request.settings.prior, is_part=True)[0]


def fixed_by_sampler(request: Request) -> Mapping[str, Any]:
    """Return the sampler's settings with the study's form of what PartialFixedSampler fixes, and what is known."""
    settings = request.settings
    sampler = with_tree(settings.sampler, request.space.tree, len(settings.directions))
    if request.settings.prior and takes_knowledge(sampler):
        sampler = {**sampler, "prior": _prior_of(request)}
    if request.earlier.trials and takes_knowledge(sampler):
        sampler = {**sampler, "earlier": list(request.earlier.trials)}
    fixed = sampler.get("fixed_params")
    if not isinstance(fixed, Mapping):
        return sampler
    return {**sampler, "fixed_params": {**fixed, **point_of(request.space, fixed, unchecked=True)[0]}}
