# SPDX-License-Identifier: MIT
"""Find every fault of a sweep's configuration before anything is started or written. Runs in the driver."""

import difflib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import BaseDistribution, CategoricalDistribution

from hyperopt_app.errors import HyperoptError
from hyperopt_app.sampling.samplers import build_pruner, lists_points, sampler_factory, supports_directions
from hyperopt_app.settings import Settings, read_worker_options
from hyperopt_app.space.override_text import override_text
from hyperopt_app.space.points import grid_points, point_of
from hyperopt_app.space.space import Space, first_value
from hyperopt_app.study.plan import WorkerOptions

__all__ = ["check_settings", "check_space", "check_worker_options"]

# Group choices multiply; beyond this many combinations the rest is found when it is tried.
_MOST_COMBINATIONS = 32

# Hydra says some of it, e.g. that a config group takes no null, with a plain ValueError.
_NOT_COMPOSED = (HydraException, OmegaConfBaseException, ValueError)


def check_settings(settings: Settings, space: Space) -> list[str]:
    """The faults of the sweeper's own fields; pure but for building the sampler and the pruner once."""
    return [
        *_numbers(settings),
        *_directions(settings),
        *_methods(settings, space),
        *_points(settings, space),
        *_extension(settings.custom_search_space),
    ]


def check_worker_options(settings: Settings, config: DictConfig) -> tuple[WorkerOptions, list[str]]:
    """What the launcher's fields say about the worker, and what is wrong with them."""
    try:
        options = read_worker_options(config)
    except ValueError as error:
        return WorkerOptions(), [f"hydra.launcher.signals: {error}; name signals such as SIGTERM or SIGUSR1"]
    faults = []
    if options.isolation not in ("process", "none"):
        faults.append(f"hydra.launcher.isolation: {options.isolation!r} is not known; set process or none")
    if options.grace_s < 0:
        faults.append(f"hydra.launcher.grace_s: {options.grace_s:g} is not allowed; set seconds from 0")
    if settings.trial_timeout is not None and options.isolation == "none":
        faults.append(
            f"hydra.sweeper.trial_timeout: {settings.trial_timeout:g} wants trials in processes of their own; set "
            "hydra.launcher.isolation=process, which local_workers, slurm_workers and pbs_workers have"
        )
    return options, faults


def _numbers(settings: Settings) -> Iterator[str]:
    own_seed = settings.sampler.get("seed")
    wanted: tuple[tuple[str, Any, bool, str], ...] = (
        ("n_trials", settings.n_trials, settings.n_trials > 0, "a whole number above 0"),
        ("n_jobs", settings.n_jobs, settings.n_jobs > 0, "a whole number above 0, the number of workers"),
        ("max_failure_rate", settings.max_failure_rate, 0 <= settings.max_failure_rate <= 1, "a share from 0 to 1"),
        ("timeout", settings.timeout, settings.timeout is None or settings.timeout > 0, "seconds above 0, or null"),
        (
            "trial_timeout",
            settings.trial_timeout,
            settings.trial_timeout is None or settings.trial_timeout > 0,
            "seconds above 0, or null",
        ),
        ("lease_s", settings.lease_s, settings.lease_s > 0, "seconds above 0"),
        ("seed", settings.seed, settings.seed is None or settings.seed >= 0, "a whole number from 0, or null"),
        ("sampler.seed", own_seed, own_seed is None or own_seed >= 0, "a whole number from 0, or null"),
        (
            "max_consecutive_failures",
            settings.max_consecutive_failures,
            settings.max_consecutive_failures is None or settings.max_consecutive_failures > 0,
            "a whole number above 0, or null",
        ),
    )
    for name, value, is_right, allowed in wanted:
        if not is_right:
            yield f"hydra.sweeper.{name}: {value} is not allowed; set {allowed}"
    if settings.progress not in ("auto", "table", "lines", "none"):
        yield f"hydra.sweeper.progress: {settings.progress!r} is not known; set auto, table, lines or none"


def _directions(settings: Settings) -> Iterator[str]:
    if not settings.directions:
        yield "hydra.sweeper.direction: no direction is given; set minimize or maximize, or a list of them"
    for direction in settings.directions:
        if direction not in ("minimize", "maximize"):
            near = _near(direction, ("minimize", "maximize"))
            yield f"hydra.sweeper.direction: {direction!r} is not known; set minimize or maximize{near}"
    names, count = settings.metric_names, len(settings.directions)
    if names and len(names) != count:
        yield (
            f"hydra.sweeper.metric: {len(names)} name(s) ({', '.join(names)}) for {count} direction(s); "
            "give as many metrics as directions, in the same order"
        )
    if len(set(names)) != len(names):
        yield f"hydra.sweeper.metric: {', '.join(names)} names a metric twice"


def _methods(settings: Settings, space: Space) -> Iterator[str]:
    for check in (
        lambda: sampler_factory(settings.sampler, 0),
        lambda: build_pruner(settings.pruner),
        lambda: grid_points(space) if lists_points(settings.sampler, settings.custom_search_space) else None,
    ):
        fault = _fault(check)
        if fault is not None:
            yield fault
    if not supports_directions(settings.sampler, len(settings.directions)):
        yield (
            f"hydra.sweeper.sampler: {settings.sampler['_target_']} optimises one objective, "
            f"hydra.sweeper.direction has {len(settings.directions)}; choose hydra/sweeper/sampler=tpe, nsgaii, "
            "nsgaiii, gp, random, qmc or grid, or one direction"
        )


def _fault(check: Callable[[], object]) -> str | None:
    try:
        check()
    except HyperoptError as error:
        return str(error)
    return None


def _points(settings: Settings, space: Space) -> Iterator[str]:
    for number, point in enumerate(settings.enqueue):
        if not isinstance(point, Mapping):
            yield f"hydra.sweeper.enqueue[{number}]: {point!r} is no point; write {{key: value, ...}}"
            continue
        for fault in point_of(space, point, unchecked=settings.enqueue_unchecked)[1]:
            yield f"hydra.sweeper.enqueue[{number}]: {fault}"


def _extension(path: str | None) -> Iterator[str]:
    if not path:
        return
    wanted = "give the dotted path of a function configure(config, trial)"
    try:
        found = pkgutil.resolve_name(path)
    except Exception as error:  # noqa: BLE001 - an import runs the user's module, which may raise anything
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        yield f"hydra.sweeper.custom_search_space: {path} cannot be imported ({reason}); {wanted}"
        return
    if not callable(found):
        yield f"hydra.sweeper.custom_search_space: {path} is no function; {wanted}"


def check_space(
    space: Space, compose: Callable[[Sequence[str]], DictConfig], options_of: Callable[[str], Sequence[str]]
) -> list[str]:
    """What is wrong between the space and the config: unknown keys (the nearest are named), groups and options.

    Args:
        space: A space that could be read.
        compose: The config of a job with these overrides.
        options_of: The options of a config group, empty if there is no such group.
    """
    groups = {key: options for key in space.distributions if (options := options_of(_bare(key)))}
    faults = [
        fault for key, options in groups.items() for fault in _unknown_options(key, space.distributions[key], options)
    ]
    if faults:
        return faults
    for choices in _combinations(space, list(groups)):
        faults += _check_combination(space, choices, compose)
    return list(dict.fromkeys(faults))


def _check_combination(
    space: Space, choices: Mapping[str, Any], compose: Callable[[Sequence[str]], DictConfig]
) -> list[str]:
    told = " ".join(f"{key}={value}" for key, value in choices.items())
    where = f" (with {told})" if told else ""
    chosen = [override_text(key, value) for key, value in choices.items()]
    try:
        known = list(_dotted(compose([*space.fixed, *chosen])))
    except _NOT_COMPOSED as error:
        return [f"the config cannot be composed{where}: {' '.join(str(error).split())}"]
    values = [key for key in space.distributions if key not in choices]
    missing = [key for key in values if not key.startswith("+") and "@" not in key and _dots(key) not in known]
    if missing:
        return [_unknown_key(key, known, where) for key in missing]
    sample = [override_text(key, first_value(space.distributions[key])) for key in values]
    try:
        compose([*space.fixed, *chosen, *sample])
    except _NOT_COMPOSED as error:
        return [f"the config does not take the searched values{where}: {' '.join(str(error).split())}"]
    return []


def _unknown_key(key: str, known: Sequence[str], where: str) -> str:
    return (
        f"hydra.sweeper.params.{key}: the config has no key {key!r}{where}{_near(key, known)}; "
        f"correct the name, or write +{key} to add a new key"
    )


def _dots(key: str) -> str:
    """A key's path with dots alone: `layers[0].width` is `layers.0.width`."""
    return key.replace("[", ".").replace("]", "")


def _bare(key: str) -> str:
    return key.lstrip("+").split("@", 1)[0]


def _unknown_options(key: str, distribution: BaseDistribution, options: Sequence[str]) -> Iterator[str]:
    if not isinstance(distribution, CategoricalDistribution):
        yield f"hydra.sweeper.params.{key}: a config group wants choices, of {', '.join(options)}"
        return
    for choice in distribution.choices:
        name = str(choice).strip("'\"")
        # A list selects several options, and a/b an option of a subgroup: those are tried by composing.
        if name not in options and not name.startswith("[") and "/" not in name:
            yield (
                f"hydra.sweeper.params.{key}: the config group has no option {name!r}{_near(name, options)}; "
                f"it has {', '.join(options)}"
            )


def _dotted(config: Any, prefix: str = "") -> Iterator[str]:
    """Every dotted key of a config but Hydra's own; what is missing or interpolated is not entered."""
    if not OmegaConf.is_config(config):
        return
    keys = config.keys() if OmegaConf.is_dict(config) else range(len(config))
    for key in keys:
        if prefix == "" and key == "hydra":
            continue
        yield f"{prefix}{key}"
        if not OmegaConf.is_missing(config, key) and not OmegaConf.is_interpolation(config, key):
            yield from _dotted(config[key], f"{prefix}{key}.")


def _near(name: str, known: Sequence[str]) -> str:
    """The nearest names; a key that ends in the same word is near however long its path is."""
    last = name.rsplit(".", 1)[-1]
    same_end = [one for one in known if one.rsplit(".", 1)[-1] == last]
    near = list(dict.fromkeys([*same_end, *difflib.get_close_matches(name, known, n=3, cutoff=0.5)]))[:3]
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def _combinations(space: Space, groups: Sequence[str]) -> Iterator[dict[str, Any]]:
    options = [space.distributions[key].choices for key in groups]  # type: ignore[attr-defined]
    return (dict(zip(groups, values, strict=True)) for values in islice(product(*options), _MOST_COMBINATIONS))
