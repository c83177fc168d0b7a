# SPDX-License-Identifier: MIT
"""Samplers and pruners from their config nodes; knows no study.

Every trial gets a sampler of its own whose seed follows from the study's seed and the trial's number, so two
workers never draw the same numbers, and a sequential study repeats exactly, also when it is resumed.
"""

import importlib.util
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import optuna
from hydra.errors import HydraException
from hydra.utils import instantiate
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from hyperopt_app.errors import HyperoptError
from hyperopt_app.sampling.failure_aware_tpe import taught
from hyperopt_app.sampling.seeds import trial_seed

__all__ = ["build_pruner", "is_grid", "lists_points", "sampler_factory", "supports_directions"]

_EXECUTABLE = ("hydra_plugins.hydra_optuna_sweeper.*", "optuna.samplers.*", "optuna.pruners.*")

# These share one sequence or one shuffled list among all workers: it is the seed that makes it the same everywhere.
_ONE_SEED_FOR_ALL = ("QMCSampler", "GridSampler")

# What Optuna's samplers import only when they sample.
_PACKAGES = {"CmaEsSampler": ("cmaes",), "GPSampler": ("scipy", "torch"), "QMCSampler": ("scipy",)}

_SINGLE_OBJECTIVE = ("CmaEsSampler",)


def is_grid(node: Mapping[str, Any]) -> bool:
    """Whether the config names Optuna's grid; our tickets carry the grid's points themselves."""
    return str(node.get("_target_", "")).endswith(".GridSampler")


def lists_points(node: Mapping[str, Any], custom_search_space: str | None) -> bool:
    """Whether the tickets can carry every point of the space beforehand, so that no two workers try the same.

    Brute force over a space that a user's function extends is left to Optuna: the points are not known before.
    """
    is_brute_force = str(node.get("_target_", "")).endswith(".BruteForceSampler")
    return is_grid(node) or (is_brute_force and custom_search_space is None)


def sampler_factory(node: Mapping[str, Any], study_seed: int) -> Callable[[int], BaseSampler]:
    """A function from trial number to that trial's sampler. Runs in the driver (as a check) and in workers.

    Args:
        node: The composed `hydra.sweeper.sampler` as plain data.
        study_seed: The study's seed.

    Raises:
        HyperoptError: The class does not exist, is no sampler, or refuses an argument.
    """
    if is_grid(node):
        return lambda _number: optuna.samplers.RandomSampler(seed=study_seed)
    target = str(node.get("_target_", ""))
    _check_packages(target.rsplit(".", 1)[-1])
    shared = target.rsplit(".", 1)[-1] in _ONE_SEED_FOR_ALL

    def build(number: int) -> BaseSampler:
        seed = study_seed if shared else trial_seed(study_seed, number)
        return taught(_built(_seeded(node, seed), BaseSampler, "hydra.sweeper.sampler"))

    if isinstance(build(0), optuna.samplers.PartialFixedSampler) or not _takes_seed(target):
        return build
    # Hydra's instantiate costs as much as the sampling; once is enough where the seed is a plain argument.
    make = _built({**node, "_partial_": True}, partial, "hydra.sweeper.sampler")

    def build_quickly(number: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return taught(make(seed=study_seed if shared else trial_seed(study_seed, number)))

    return build_quickly


def _check_packages(sampler: str) -> None:
    missing = [package for package in _PACKAGES.get(sampler, ()) if importlib.util.find_spec(package) is None]
    if missing:
        raise HyperoptError(
            f"hydra.sweeper.sampler: {sampler} wants {' and '.join(missing)}, not installed here; "
            f"pip install {' '.join(missing)}, or choose another sampler"
        )


def _seeded(node: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The node with its own seed, and that of a nested sampler, replaced."""
    seeded = {
        key: _seeded(value, seed) if isinstance(value, Mapping) and "_target_" in value else value
        for key, value in node.items()
    }
    if "seed" in node or _takes_seed(str(node.get("_target_", ""))):
        seeded["seed"] = seed
    return seeded


def _takes_seed(target: str) -> bool:
    cls = getattr(optuna.samplers, target.rsplit(".", 1)[-1], None)
    return cls is not None and "seed" in inspect.signature(cls).parameters


def build_pruner(node: Mapping[str, Any]) -> BasePruner:
    """The pruner that `hydra.sweeper.pruner` names; a nested `wrapped_pruner` is built too.

    Raises:
        HyperoptError: The class does not exist, is no pruner, or refuses an argument.
    """
    pruner: BasePruner = _built(node, BasePruner, "hydra.sweeper.pruner")
    return pruner


def _built(node: Mapping[str, Any], base: type, where: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            built = instantiate(dict(node), _execution_whitelist_=_EXECUTABLE, _convert_="all")
    except (HydraException, ImportError, TypeError, ValueError) as error:
        raise HyperoptError(f"{where}: {_reason(error)}; {_allowed(base)}") from error
    if not isinstance(built, base):
        raise HyperoptError(f"{where}._target_: {node.get('_target_')} is no {base.__name__}; {_allowed(base)}")
    return built


def _allowed(base: type) -> str:
    module, group = (optuna.samplers, "sampler") if base is BaseSampler else (optuna.pruners, "pruner")
    names = _classes(module.__all__, module, base)
    return f"choose a group with hydra/sweeper/{group}=..., or one of {', '.join(names)}"


def _classes(names: Sequence[str], module: Any, base: type) -> Iterable[str]:
    classes = (found for name in names if isinstance(found := getattr(module, name), type))
    return [cls.__name__ for cls in classes if issubclass(cls, base) and not inspect.isabstract(cls)]


def _reason(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def supports_directions(node: Mapping[str, Any], directions: int) -> bool:
    """Whether the sampler can optimise that many objectives at once."""
    return directions == 1 or str(node.get("_target_", "")).rsplit(".", 1)[-1] not in _SINGLE_OBJECTIVE
