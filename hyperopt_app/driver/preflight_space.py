# SPDX-License-Identifier: MIT
"""Every fault of a search space against the config that it searches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import islice, product
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from hyperopt_app.space.override_text import override_text
from hyperopt_app.space.space import Space, first_value
from hyperopt_app.support.display_text import did_you_mean

__all__ = ["check_space"]

# Optuna keeps the whole numbers of a range as floats, which tell no two of them apart beyond this one.
LARGEST_EXACT = 2**53

# Group choices multiply; beyond this many combinations the rest is found when it is tried.
_MOST_COMBINATIONS = 32

# Hydra says some of it, e.g. that a config group takes no null, with a plain ValueError.
_NOT_COMPOSED = (HydraException, OmegaConfBaseException, ValueError)


def check_space(
    space: Space, compose: Callable[[Sequence[str]], DictConfig], options_of: Callable[[str], Sequence[str]]
) -> list[str]:
    """What is wrong between the space and the config: unknown keys (the nearest are named), groups and options.

    And what no study could keep, whatever the config.

    Args:
        space: A space that could be read.
        compose: The config of a job with these overrides.
        options_of: The options of a config group, empty if there is no such group.
    """
    inexact = [fault for key, one in space.distributions.items() for fault in _inexact(key, one)]
    if inexact:
        return inexact
    groups = {key: options for key in space.distributions if (options := options_of(_bare(key)))}
    faults = [
        fault for key, options in groups.items() for fault in _unknown_options(key, space.distributions[key], options)
    ]
    if faults:
        return faults
    for choices in _combinations(space, list(groups)):
        faults += _check_combination(space, choices, compose)
    return list(dict.fromkeys(faults))


def _inexact(key: str, distribution: BaseDistribution) -> Iterator[str]:
    if isinstance(distribution, IntDistribution) and max(abs(distribution.low), abs(distribution.high)) > LARGEST_EXACT:
        yield (
            f"hydra.sweeper.params.{key}: the whole numbers from {distribution.low} to {distribution.high} cannot be "
            f"searched: beyond 2**53 ({LARGEST_EXACT}) the study would keep other numbers than the objective sees; "
            "list them, choice(...), or search floats, interval(low, high)"
        )


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
        f"hydra.sweeper.params.{key}: the config has no key {key!r}{where}{did_you_mean(key, known)}; "
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
                f"hydra.sweeper.params.{key}: the config group has no option {name!r}{did_you_mean(name, options)}; "
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
        name = f"{prefix}{key.name if isinstance(key, Enum) else key}"
        yield name
        if not OmegaConf.is_missing(config, key) and not OmegaConf.is_interpolation(config, key):
            yield from _dotted(config[key], f"{name}.")


def _combinations(space: Space, groups: Sequence[str]) -> Iterator[dict[str, Any]]:
    options = [space.distributions[key].choices for key in groups]  # type: ignore[attr-defined]
    return (dict(zip(groups, values, strict=True)) for values in islice(product(*options), _MOST_COMBINATIONS))
