# SPDX-License-Identifier: MIT
"""Check the settings of the sweeper, the worker options and the launcher. Runs in the driver."""

import dataclasses
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hydra.core.plugins import Plugins
from hydra.errors import CompactHydraException, InstantiationException
from hydra.types import HydraContext
from hydra.utils import get_method
from omegaconf import DictConfig

from hyperopt_app.config.sweeper import BudgetConf
from hyperopt_app.errors import HyperoptError, SpaceError
from hyperopt_app.launchers.registry import launcher_names
from hyperopt_app.loggers.registry import logger_faults
from hyperopt_app.preflight.fields import MOST_SECONDS, is_seconds
from hyperopt_app.repeats.settings import read_repeats, repeat_faults
from hyperopt_app.sampling.feasible import random_points
from hyperopt_app.sampling.idle_pruners import classes_in
from hyperopt_app.sampling.promotion import PromotePruner
from hyperopt_app.sampling.samplers import build_pruner, lists_points, sampler_factory, supports_directions
from hyperopt_app.sampling.targets import node_name
from hyperopt_app.settings.reading import Settings, read_worker_options
from hyperopt_app.settings.shapes import is_number
from hyperopt_app.space.constraints import Constraints, feasible_grid, unreadable_constraints
from hyperopt_app.space.points import point_of
from hyperopt_app.space.space import Space
from hyperopt_app.study.plan import WorkerOptions
from hyperopt_app.support.display_text import did_you_mean, excess_text, in_one_line, shortened

__all__ = ["check_launcher", "check_settings", "check_worker_options", "constraint_faults"]

# Random points of which one at least must meet the constraints on parameters.
_MOST_TRIED = 10_000


def check_settings(settings: Settings, space: Space) -> list[str]:
    """Check the sweeper's own fields; builds the sampler and the pruner once."""
    return [
        *_number_faults(settings),
        *_directions(settings),
        *_methods(settings, space),
        *_point_faults(settings, space),
        *_prior_faults(settings, space),
        *_extension(settings.custom_search_space),
        *logger_faults(settings.logger),
        *_repeat_faults(settings, space),
    ]


def constraint_faults(texts: Sequence[Any], space: Space | None) -> list[str]:
    """Check constraints.

    Args:
        texts: `hydra.sweeper.constraints`.
        space: The space, without constraints; None if it could not be read.
    """
    faults = unreadable_constraints(texts)
    if faults or space is None or not texts:
        return faults
    constraints = Constraints(dataclasses.replace(space, constraints=tuple(texts)))
    if not constraints.of_parameters:
        return []
    listed = ", ".join(constraint.text for constraint in constraints.of_parameters)
    try:
        if any(map(constraints.is_feasible, random_points(space, 0, _MOST_TRIED))):
            return []
    except SpaceError as error:
        return [f"hydra.sweeper.constraints: {error}; constrain numbers, or leave the choice out of the search"]
    line = f"hydra.sweeper.constraints: none of {_MOST_TRIED:,} random points meets {listed}"
    return [f"{line}; correct them, or give the parameters ranges of which more is left"]


def check_worker_options(settings: Settings, config: DictConfig) -> tuple[WorkerOptions, list[str]]:
    """Return the launcher's fields for the worker, and the errors in them."""
    try:
        options = read_worker_options(config)
    except ValueError as error:
        return WorkerOptions(), [f"hydra.launcher.signals: {error}; name signals such as SIGTERM or SIGUSR1"]
    faults = []
    if options.isolation not in ("process", "none"):
        faults.append(f"hydra.launcher.isolation: {options.isolation!r} is not known; set process or none")
    if options.grace_s != 0 and not (is_seconds(options.grace_s) or math.isnan(options.grace_s)):
        faults.append(
            f"hydra.launcher.grace_s: {options.grace_s:g} is not allowed; set seconds from 0 to {MOST_SECONDS:g}"
        )
    if settings.trial_timeout is not None and options.isolation == "none":
        names = launcher_names(lambda row: row.isolates, "and")
        faults.append(
            f"hydra.sweeper.trial_timeout: {settings.trial_timeout:g} needs trials in their own processes; set "
            f"hydra.launcher.isolation=process, which {names} have"
        )
    return options, faults


def check_launcher(context: HydraContext, config: DictConfig, task_function: Callable[[Any], Any]) -> list[str]:
    """Let the launcher's class check its fields: create it as Hydra does, without starting anything."""
    try:
        Plugins.instance().instantiate_launcher(config=config, hydra_context=context, task_function=task_function)
    except InstantiationException as error:
        return [f"hydra.launcher: {' '.join(str(error).split())}; correct the field, or choose another launcher"]
    except CompactHydraException:  # meant for people already
        raise
    except Exception as error:  # noqa: BLE001 - a class of anybody's may raise anything
        name, reason = shortened(str(config.hydra.launcher["_target_"])), in_one_line(str(error))
        way = "choose a launcher with hydra/launcher=..., e.g. local_workers"
        return [f"hydra.launcher._target_: {name} cannot be made ({reason}); {way}"]
    return []


def _number_faults(settings: Settings) -> Iterator[str]:
    own_seed = settings.sampler.get("seed")
    own_seed_is_right = own_seed is None or (isinstance(own_seed, int) and own_seed >= 0)
    wanted: tuple[tuple[str, Any, bool, str], ...] = (
        ("n_trials", settings.n_trials, settings.n_trials > 0, "a whole number above 0"),
        ("n_jobs", settings.n_jobs, settings.n_jobs > 0, "a whole number above 0, the number of workers"),
        ("max_failure_rate", settings.max_failure_rate, 0 <= settings.max_failure_rate <= 1, "a share from 0 to 1"),
        *_seconds(settings),
        *_budgets(settings),
        ("seed", settings.seed, settings.seed is None or settings.seed >= 0, "a whole number from 0, or null"),
        ("sampler.seed", own_seed, own_seed_is_right, "a whole number from 0, or null"),
        (
            "max_consecutive_failures",
            settings.max_consecutive_failures,
            settings.max_consecutive_failures is None or settings.max_consecutive_failures > 0,
            "a whole number above 0, or null",
        ),
    )
    for name, value, is_right, allowed in wanted:
        if not is_right and not (isinstance(value, float) and math.isnan(value)):  # of NaN `preflight_fields` tells
            yield f"hydra.sweeper.{name}: {value} is not allowed; set {allowed}"
    yield from _of_methods(settings)
    if settings.progress not in ("auto", "table", "lines", "none"):
        yield f"hydra.sweeper.progress: {settings.progress!r} is not known; set auto, table, lines or none"


# Numbers that Optuna's classes take without a look, and fail with in the middle of a study: the least of them.
_LEAST = {
    "sampler": {"n_ei_candidates": 1, "n_startup_trials": 0},
    "pruner": {"min_resource": 1, "max_resource": 1, "reduction_factor": 2},
}


def _of_methods(settings: Settings) -> Iterator[str]:
    for method, node in (("sampler", settings.sampler), ("pruner", settings.pruner)):
        for name, least in _LEAST[method].items() if node_name(node["_target_"]).startswith("optuna.") else ():
            value = node.get(name)
            if isinstance(value, int) and value < least:
                yield f"hydra.sweeper.{method}.{name}: {value} is not allowed; set a whole number from {least}"


def _seconds(settings: Settings) -> Iterator[tuple[str, Any, bool, str]]:
    for name in ("timeout", "trial_timeout"):
        value = getattr(settings, name)
        yield name, value, value is None or is_seconds(value), f"seconds above 0, {_most(value)}or null"
    yield (
        "lease_s",
        settings.lease_s,
        is_seconds(settings.lease_s),
        f"seconds above 0, {_most(settings.lease_s)}".rstrip(", "),
    )


def _budgets(settings: Settings) -> Iterator[tuple[str, Any, bool, str]]:
    known = [field.name for field in dataclasses.fields(BudgetConf)]
    for name, value in settings.budget.items():
        if name not in known:
            yield f"budget.{name}", value, False, f"one of {', '.join(known)} instead"
            continue
        is_right = value is None or (is_number(value) and 0 < value < math.inf)
        what = "a number of trainings" if name == "trainings" else "hours"
        yield f"budget.{name}", value, is_right, f"{what} above 0, or null"


def _most(value: float | None) -> str:
    return f"at most {MOST_SECONDS:g}, " if value is not None and value > MOST_SECONDS else ""


def _directions(settings: Settings) -> Iterator[str]:
    if not settings.directions:
        yield "hydra.sweeper.direction: no direction is given; set minimize or maximize, or a list of them"
    for direction in settings.directions:
        if direction not in ("minimize", "maximize"):
            near = did_you_mean(direction, ("minimize", "maximize"))
            yield f"hydra.sweeper.direction: {direction!r} is not known; set minimize or maximize{near}"
    names, count = settings.objective_names, len(settings.directions)
    if names and len(names) != count:
        yield (
            f"hydra.sweeper.metric: {len(names)} name(s) ({', '.join(names)}) for {count} direction(s); "
            "give as many metrics as directions, in the same order"
        )
    if len(set(names)) != len(names):
        yield f"hydra.sweeper.metric: {', '.join(names)} names a metric twice"


def _methods(settings: Settings, space: Space) -> Iterator[str]:
    for check in (
        lambda: sampler_factory(settings.sampler, 0)(0),
        lambda: build_pruner(settings.pruner),
        lambda: feasible_grid(space) if lists_points(settings.sampler, settings.custom_search_space) else None,
    ):
        fault = _fault(check)
        if fault is not None:
            yield fault
    if not supports_directions(settings.sampler, len(settings.directions)):
        yield (
            f"hydra.sweeper.sampler: {node_name(settings.sampler['_target_'])} optimises one objective, "
            f"hydra.sweeper.direction has {len(settings.directions)}; choose hydra/sweeper/sampler=tpe, nsgaii, "
            "nsgaiii, gp, random, qmc or grid, or one direction"
        )


def _fault(check: Callable[[], object]) -> str | None:
    try:
        check()
    except HyperoptError as error:
        return str(error)
    return None


def _point_faults(settings: Settings, space: Space) -> Iterator[str]:
    for number, point in enumerate(settings.enqueue):
        if not isinstance(point, Mapping):
            yield f"hydra.sweeper.enqueue[{number}]: {point!r} is not a point; write {{key: value, ...}}"
            continue
        held, faults = point_of(space, point, unchecked=settings.enqueue_unchecked)
        for fault in faults:
            yield f"hydra.sweeper.enqueue[{number}]: {fault}"
        if not faults and (excess := excess_text(Constraints(space).before_training(held))):
            yield f"hydra.sweeper.enqueue[{number}]: it violates {excess}, so it would not be trained; correct it"


def _prior_faults(settings: Settings, space: Space) -> Iterator[str]:
    held, faults = point_of(space, settings.prior, is_part=True)
    for fault in faults:
        yield f"hydra.sweeper.prior: {fault}"
    if not faults and (excess := excess_text(Constraints(space).before_training(held))):
        yield f"hydra.sweeper.prior: it violates {excess}, so it would not be trained; correct it"


def _repeat_faults(settings: Settings, space: Space) -> Iterator[str]:
    faults = list(repeat_faults(settings.repeats, len(settings.directions)))
    yield from faults
    if faults or read_repeats(settings.repeats) is None:
        return
    if settings.in_turn and settings.repeats.get("race", False):
        yield (
            "hydra.sweeper.repeats.race: a race compares one metric, and hydra.sweeper.order chooses the best by "
            "several; set race=false, or leave the order out"
        )
    seed = next((key for key in space.distributions if key.lstrip("+") == "seed"), None)
    if seed is not None:
        yield (
            f"hydra.sweeper.params.{seed}: hydra.sweeper.repeats gives each training its seed, so it cannot be "
            "searched; leave it out, or set hydra.sweeper.repeats.n=1"
        )
    if any(issubclass(kind, PromotePruner) for kind in classes_in(settings.pruner)):
        yield (
            "hydra.sweeper.pruner: promote and hydra.sweeper.repeats do not go together, since a trial that waits at "
            "a rung would hold back its other seeds; take hydra/sweeper/pruner=forecast, or set "
            "hydra.sweeper.repeats.n=1"
        )


def _extension(path: str | None) -> Iterator[str]:
    if not path:
        return
    wanted = "give the dotted path of a function configure(config, trial)"
    try:
        with _silent("hydra.utils"):  # it logs beforehand what it raises
            get_method(path)
    except Exception as error:  # noqa: BLE001 - an import runs the user's module, which may raise anything
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        yield f"hydra.sweeper.custom_search_space: {path} cannot be found ({reason}); {wanted}"


@contextmanager
def _silent(logger: str) -> Iterator[None]:
    silenced = logging.getLogger(logger)
    before, silenced.disabled = silenced.disabled, True
    try:
        yield
    finally:
        silenced.disabled = before
