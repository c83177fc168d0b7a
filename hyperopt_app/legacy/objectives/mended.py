# SPDX-License-Identifier: MIT
"""An installed package of the original that does not go with today's Optuna and Keras: what fails is stood in for.

Releases before 1.3 import names that Optuna 4 has no more, and stay installed when Optuna is upgraded. Some have a
callback that Keras cannot use.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from hyperopt_app.legacy.objectives.once import warn_once

__all__ = ["Mender"]

_log = logging.getLogger(__name__)


class Mender(MetaPathFinder):
    """Comes first on `sys.meta_path`; it finds what is installed anyway, and looks after how it is executed.

    Args:
        modules: The names of the modules, and those of their contents.
        fill: Gives a module the contents that are stood in for.
        replace: Puts what is better into a module.
    """

    def __init__(
        self,
        modules: Mapping[str, Mapping[str, str]],
        fill: Callable[[ModuleType], None],
        replace: Callable[[ModuleType], None],
    ) -> None:
        self._modules = modules
        self._fill = fill
        self.replace = replace
        self.mended: list[str] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of an installed module, whose loader may fail."""
        if not self._modules.get(fullname) or "." not in fullname:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Careful(spec.loader, self)
        return spec

    def mend(self, module: ModuleType, error: Exception) -> None:
        """Stand in for a module that could not be executed."""
        told = "%s, installed in %s, cannot be imported (%s: %s) and is stood in for"
        warn_once(_log, told, module.__name__, module.__file__, type(error).__name__, error)
        self.mended.append(module.__name__)
        self._fill(module)


class _Careful(Loader):
    def __init__(self, loader: Loader, mender: Mender) -> None:
        self._loader = loader
        self._mender = mender

    def __getattr__(self, name: str) -> Any:
        """Source, file name and the like."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        try:
            self._loader.exec_module(module)
        except Exception as error:  # noqa: BLE001 - whatever it is, the user cannot mend it
            self._mender.mend(module, error)
        else:
            self._mender.replace(module)
