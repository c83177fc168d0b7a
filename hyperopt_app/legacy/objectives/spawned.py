# SPDX-License-Identifier: MIT
"""Let processes that an objective spawns (a pool, a data loader) unpickle the objective's classes and functions.

Pickle looks up classes by module name, and the module of an objective's file is on no search path. A spawned Python
first runs the module that `__main__` names; while an objective runs, that is this module.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType

__all__ = ["spawnable"]

_VARIABLE = "HYPEROPT_APP_OBJECTIVE"
# What lasts to the end of such a process.
_open = ExitStack()


@contextmanager
def spawnable(modules: dict[str, str]) -> Iterator[None]:
    """While the body runs, spawned processes can import these modules and those of the original.

    Args:
        modules: Name to its file; a directory is the package's.
    """
    main = sys.modules["__main__"]
    before, value = main.__spec__, os.environ.get(_VARIABLE)
    main.__spec__ = ModuleSpec(__name__, None)
    os.environ[_VARIABLE] = json.dumps(modules)
    try:
        yield
    finally:
        main.__spec__ = before
        if value is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = value


class _Finder(MetaPathFinder):
    def __init__(self, modules: dict[str, str]) -> None:
        self._modules = modules

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        file = self._modules.get(fullname)
        if file is None:
            return None
        if not Path(file).is_dir():
            loader = SourceFileLoader(fullname, file)
            return importlib.util.spec_from_file_location(fullname, file, loader=loader)
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [file]
        return spec


def _prepare(modules: dict[str, str]) -> None:
    from hyperopt_app.legacy.objectives.surface import surface

    sys.meta_path.insert(0, _Finder(modules))
    _open.enter_context(surface())


if __name__ == "__mp_main__" and _VARIABLE in os.environ:
    _prepare(json.loads(os.environ[_VARIABLE]))
