# SPDX-License-Identifier: MIT
"""Load an objective.py by its path and run it with its folder first on the import path.

Afterwards the process is restored, because other objectives may have modules of the same names. Runs where the
objective runs.
"""

import importlib
import importlib.util
import os
import site
import sys
import sysconfig
import traceback
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from hyperopt_app.config.seeding import seed_numerical_libraries
from hyperopt_app.errors import HyperoptError
from hyperopt_app.legacy.objectives.source import MOUNT, Place, parsed, place_of
from hyperopt_app.legacy.objectives.spawned import spawnable
from hyperopt_app.legacy.objectives.surface import surface
from hyperopt_app.objective.failure_kinds import kind_of

__all__ = ["UserModule", "user_module"]

# A clone of this project may be the objective's folder.
_KEPT = {"__main__", "hydra_plugins", "hyperopt_app"}

# What a file was loaded as is kept: a worker that runs its trials itself loads it once, unless it was changed.
_loaded: dict[Path, "UserModule"] = {}


@dataclass
class UserModule:
    """An objective's file and the modules of its folder.

    Attributes:
        path: The file, absolute.
        name: What it is imported as: `objective` in the first year, `custom_objective` since.
        modified: Its time stamp when it was read.
        place: Its place in the package that it belongs to, None if there is none.
        module: What it became; None until it is loaded.
        siblings: Modules of its folder that it has imported.
        search_path: What it has added to the search path.
    """

    path: Path
    name: str
    modified: int
    place: Place | None = None
    module: ModuleType | None = None
    siblings: dict[str, ModuleType] = field(default_factory=dict)
    search_path: list[str] = field(default_factory=list)

    def objective(self, seed: int | None = None) -> type[Any]:
        """The class `Objective`; to be called while it is active.

        Args:
            seed: For the random numbers of libraries that this process has not imported for the file: a trial's
                process begins where its neighbours do. None to let them go on.

        Raises:
            HyperoptError: The file cannot be imported, or has no such class.
        """
        if self.module is None:
            _seed_libraries(seed)
            self.module = self._load()
        kind = getattr(self.module, "Objective", None)
        if not isinstance(kind, type):
            raise HyperoptError(f"optuna.objective: {self.path} has no class Objective; give the class this name")
        return kind

    def _load(self) -> ModuleType:
        # The original took a file of any name for Python.
        loader = SourceFileLoader(self.name, str(self.path))
        spec = importlib.util.spec_from_file_location(self.name, self.path, loader=loader)
        try:
            self._prepare_package()
            module = importlib.util.module_from_spec(cast("ModuleSpec", spec))
            sys.modules[self.name] = module
            loader.exec_module(module)
        except (Exception, SystemExit) as error:
            if kind_of(error) in {"oom", "infrastructure"}:
                raise  # of this machine at this moment, not of the file
            raised = _raised(error, self.path.parent)
            raise HyperoptError(f"optuna.objective: {self.path} cannot be imported: {raised}") from error
        return module

    def _prepare_package(self) -> None:
        """Import the package from which relative imports start."""
        if self.place is None or not self.place.is_relative:
            return
        if self.place.is_mounted:
            package = ModuleType(MOUNT, "The folder of an objective that has relative imports and is not a package.")
            package.__path__ = [str(self.place.top)]
            package.__file__ = str(self.place.top / "__init__.py")
            sys.modules[MOUNT] = package
        importlib.import_module(self.name.rpartition(".")[0])

    @contextmanager
    def active(self, argument: str = "") -> Iterator[None]:
        """Run the body as the original ran an objective: with its folder, its modules, and its own `sys.argv`."""
        search_path, arguments = list(sys.path), list(sys.argv)
        aside = self._put_aside()
        before = set(sys.modules)
        first, last = self._own_paths()
        sys.path[:] = [*first, *search_path, *last, *self.search_path]
        sys.argv = [str(self.path), *([argument] if argument else [])]
        sys.modules.update(self.siblings)
        try:
            with surface(), spawnable(self._files()):
                yield
        finally:
            self.search_path = [path for path in sys.path if path not in {*first, *search_path, *last}]
            sys.path[:], sys.argv = search_path, arguments
            self.siblings = {name: sys.modules.pop(name) for name in self._own_modules() if name not in before}
            sys.modules.update(aside)

    def _files(self) -> dict[str, str]:
        """Map names to files of modules that are on no search path."""
        mounted = {MOUNT: str(self.place.top)} if self.place is not None and self.place.is_mounted else {}
        return {self.name: str(self.path), **mounted}

    def _own_paths(self) -> tuple[list[str], list[str]]:
        """What comes first on the search path, and what comes last: the file's folder, and that of its package."""
        own = str(self.path.parent)
        if self.place is None or self.place.is_mounted:
            return [own], []
        above = str(self.place.top.parent)
        # A relative import means the neighbour, whichever copy of the package is installed.
        return ([own, above], []) if self.place.is_relative else ([own], [above])

    def _put_aside(self) -> dict[str, ModuleType]:
        """Return modules from elsewhere that have the names of modules in the folder, and of this file."""
        names = {self.name.partition(".")[0], *_modules_in(self.path.parent)}
        aside = {
            name: module
            for name, module in list(sys.modules.items())
            if name.partition(".")[0] in names and not _is_library(name, module) and not self._is_own(module)
        }
        for name in aside:
            del sys.modules[name]
        return aside

    def _own_modules(self) -> list[str]:
        known = list(sys.modules.items())
        return [name for name, module in known if self._is_own(module) and not _is_library(name, module)]

    def _is_own(self, module: ModuleType) -> bool:
        top = self.path.parent if self.place is None else self.place.top
        return module is self.module or _file_of(module).startswith(str(top) + os.sep)


def user_module(path: Path, dialect: str) -> UserModule:
    """Return the objective's module, reusing the one this process loaded if the file is unchanged."""
    path = path.absolute()
    try:
        modified = path.stat().st_mtime_ns
    except OSError as error:
        raise HyperoptError(f"optuna.objective: {path} cannot be read ({error.strerror}); set its path") from None
    known = _loaded.get(path)
    if known is None or known.modified != modified:
        place = _place_of(path)
        name = "objective" if dialect in {"A0", "A1"} else "custom_objective"
        name = place.name if place is not None and place.is_relative else name
        known = _loaded[path] = UserModule(path, name, modified, place)
    return known


def _place_of(path: Path) -> Place | None:
    try:
        return place_of(path, parsed(path))
    except (OSError, SyntaxError, ValueError):
        return None  # reported when it is loaded


def _seed_libraries(seed: int | None) -> None:
    """Seed NumPy and torch; Python's own `random` starts anew in each process."""
    if seed is None:
        return
    # Not the seed itself: what an objective seeds with it shall have other numbers than these.
    seed_numerical_libraries(zlib.crc32(f"objective {seed}".encode()))


def _modules_in(folder: Path) -> set[str]:
    files = {path.stem for path in folder.glob("*.py")}
    return files | {path.parent.name for path in folder.glob("*/__init__.py")}


def _file_of(module: ModuleType) -> str:
    # Not getattr: some modules import others when they are asked for anything.
    return str(getattr(module, "__dict__", {}).get("__file__") or "")


@cache
def _libraries() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = [paths["stdlib"], paths["purelib"], paths["platlib"], *site.getsitepackages(), site.getusersitepackages()]
    return tuple(path + os.sep for path in folders)


def _is_library(name: str, module: ModuleType) -> bool:
    """Whether a module is Python's, installed, or ours; a file of the same name does not replace it once loaded."""
    root = name.partition(".")[0]
    return root in sys.stdlib_module_names or root in _KEPT or _file_of(module).startswith(_libraries())


def _raised(error: BaseException, folder: Path) -> str:
    """Describe the error, with the line of the user's code."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(str(folder))]
    if isinstance(error, SyntaxError) or not frames:
        return text
    return f"{text} ({frames[-1].filename}, line {frames[-1].lineno}); fix that first"
