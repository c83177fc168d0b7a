# SPDX-License-Identifier: MIT
"""Seed `random`, NumPy and torch before training code runs, in a trial or without a sweep.

Hydra imports this module in every Hydra program, so it imports no numerical library itself.
"""

import importlib.util
import os
import random
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hyperopt_app.errors import ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = [
    "SEED_VARIABLE",
    "command_with_seed",
    "key_seed",
    "seed_libraries",
    "seed_numerical_libraries",
    "seed_of_environment",
]

# The seed of a training outside a sweep, as the command that trains a trial again sets it.
SEED_VARIABLE = "HYPEROPT_SEED"


def seed_of_environment() -> int | None:
    """Read the seed of a training without a sweep, set by the user or the command in best.yaml; None if unset.

    Raises:
        ConfigError: The variable holds something else.
    """
    text = os.environ.get(SEED_VARIABLE, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ConfigError([f"{SEED_VARIABLE}: {text!r} is not allowed; set a whole number from 0, or unset it"])
    return int(text)


def key_seed(config: "DictConfig") -> object:
    """Return the value of the config's own key `seed`; None if it is missing or cannot be read."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        return OmegaConf.select(config, "seed", throw_on_missing=False)
    except OmegaConfBaseException:
        return None


def command_with_seed(command: str, seed: int) -> str:
    """Return a shell command whose program finds the seed in its environment."""
    return f"{SEED_VARIABLE}={seed} {command}"


def seed_libraries(seed: int) -> None:
    """Seed the global generators of `random`, NumPy and torch; see `seed_numerical_libraries`."""
    random.seed(seed)
    seed_numerical_libraries(seed)


def seed_numerical_libraries(seed: int) -> None:
    """Seed the global generators of NumPy and torch.

    A library that is not imported yet begins with it when it is: a trial's process has more imported than a program
    that trains once, and both shall draw the same numbers.
    """
    for name, seed_library in _LIBRARIES.items():
        module = sys.modules.get(name)
        if module is None:
            _later.seeds[name] = seed
        else:
            _later.seeds.pop(name, None)
            seed_library(module, seed)
    if _later not in sys.meta_path:
        sys.meta_path.insert(0, _later)


def _seed_numpy(module: Any, seed: int) -> None:
    module.random.seed(seed % 2**32)


def _seed_torch(module: Any, seed: int) -> None:
    module.manual_seed(seed % 2**63)


_LIBRARIES: dict[str, Callable[[Any, int], None]] = {"numpy": _seed_numpy, "torch": _seed_torch}


class _Later(MetaPathFinder):
    """Import hook that seeds a library as soon as it is imported."""

    def __init__(self) -> None:
        self.seeds: dict[str, int] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that other finders give, with seeding added after the import."""
        if path is not None or fullname not in self.seeds:
            return None
        seed = self.seeds.pop(fullname)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            _seeding_after(spec.loader, fullname, seed)
        return spec


def _seeding_after(loader: Any, name: str, seed: int) -> None:
    execute = loader.exec_module

    def seeding(module: ModuleType) -> None:
        execute(module)
        _LIBRARIES[name](module, seed)

    loader.exec_module = seeding


_later = _Later()
