# SPDX-License-Identifier: MIT
"""Seed `random`, NumPy and torch before training code runs, in a trial or without a sweep.

Hydra imports this module in every Hydra program, so it imports no numerical library itself.
"""

import importlib.util
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
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
    that trains once, and both shall draw the same numbers. For the same reason the import of a module that draws from
    `random` leaves `random` as it was.
    """
    for name, seed_library in _LIBRARIES.items():
        module = sys.modules.get(name)
        if module is None:
            _later.around[name] = partial(_seeding, seed_library, seed)
        else:
            _later.around.pop(name, None)
            seed_library(module, seed)
    _later.around |= {name: _keeping_random for name in _DRAWING if name not in sys.modules}
    if _later not in sys.meta_path:
        sys.meta_path.insert(0, _later)


def _seed_numpy(module: Any, seed: int) -> None:
    module.random.seed(seed % 2**32)


def _seed_torch(module: Any, seed: int) -> None:
    module.manual_seed(seed % 2**63)


_LIBRARIES: dict[str, Callable[[Any, int], None]] = {"numpy": _seed_numpy, "torch": _seed_torch}


# Modules that draw from `random` while they are imported: rich (Keras and Lightning import it) numbers its styles.
_DRAWING = ("rich.style",)


@contextmanager
def _seeding(seed_library: Callable[[Any, int], None], seed: int, module: ModuleType) -> Iterator[None]:
    yield
    seed_library(module, seed)


@contextmanager
def _keeping_random(_module: ModuleType) -> Iterator[None]:
    state = random.getstate()
    yield
    random.setstate(state)


class _Later(MetaPathFinder):
    """Import hook that runs the imports of some modules, by name, within a context each."""

    def __init__(self) -> None:
        self.around: dict[str, Callable[[ModuleType], AbstractContextManager[None]]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that other finders give, with the context around its execution."""
        around = self.around.pop(fullname, None)
        if around is None:
            return None
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            _execute_within(spec.loader, around)
        return spec


def _execute_within(loader: Any, around: Callable[[ModuleType], AbstractContextManager[None]]) -> None:
    execute = loader.exec_module

    def executing(module: ModuleType) -> None:
        with around(module):
            execute(module)

    loader.exec_module = executing


_later = _Later()
