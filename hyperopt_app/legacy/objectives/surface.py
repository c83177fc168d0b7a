# SPDX-License-Identifier: MIT
"""Make the modules of the original importable while one of its objectives is loaded or runs.

A finder at the end of `sys.meta_path` serves them, so an installed module of the same name comes first. If an
installed package lacks such a module, it is left as it is and the error says why. Releases before 1.3 import names
that Optuna 4 no longer has, and some have a callback that Keras cannot use; what fails to import is replaced.
"""

import importlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from hyperopt_app.legacy.objectives.devices import warn_once

__all__ = ["Replacer", "offered", "roots", "surface"]

_OURS = "hyperopt_app.legacy.objectives"

# Name in a module -> where it comes from: `module:attribute`, or a module.
_BASE = {
    "BaseObjective": f"{_OURS}.base_objective:BaseObjective",
    "copy": "copy",
    "defaultdict": "collections:defaultdict",
    "logging": "logging",
    "optuna": "optuna",
    "os": "os",
    "pd": "pandas",
    "random": "random",
    "recursive_config_reader": f"{_OURS}.base_objective:recursive_config_reader",
    "recursive_update": f"{_OURS}.base_objective:recursive_update",
    "sys": "sys",
    "trial_suggest_loader": f"{_OURS}.suggestions:trial_suggest_loader",
    "warnings": "warnings",
}
_CONFIG = {name: _BASE[name] for name in ("recursive_config_reader", "recursive_update")}
_SUGGEST = {name: _BASE[name] for name in ("logging", "sys", "trial_suggest_loader", "warnings")}
_PRUNERS = {
    "KerasPruningCallback": f"{_OURS}.pruning:KerasPruningCallback",
    "logging": "logging",
    "optuna": "optuna",
    "pruners": f"{_OURS}.pruning:pruners",
    "warnings": "warnings",
}
_SAMPLERS = {"optuna": "optuna", "samplers": f"{_OURS}.pruning:samplers"}
_GPU = {"gpu_report": f"{_OURS}.devices:gpu_report"}
_UTILS = {**_SUGGEST, **_PRUNERS, **_SAMPLERS, **_GPU}

_MODULES: dict[str, Mapping[str, str]] = {
    "aimlutils": {},
    "aimlutils.gpu": _GPU,
    "aimlutils.utils": {},
    "aimlutils.utils.gpu": _GPU,
    "aimlutils.utils.tqdm": {"tqdm": "tqdm:tqdm"},
    "aimlutils.hyper_opt": {},
    "aimlutils.hyper_opt.base_objective": _BASE,
    "aimlutils.hyper_opt.utils": _UTILS,
    "aimlutils.echo": {},
    "aimlutils.echo.base_objective": _BASE,
    "aimlutils.echo.utils": _UTILS,
    "aimlutils.echo.hyper_opt": {},
    "aimlutils.echo.hyper_opt.base_objective": _BASE,
    "aimlutils.echo.hyper_opt.utils": _UTILS,
    "echo": {},
    # Optuna 2's name, which objectives of the time raise TrialPruned by.
    "optuna.structs": {
        "FrozenTrial": "optuna.trial:FrozenTrial",
        "StudyDirection": "optuna.study:StudyDirection",
        "TrialPruned": "optuna:TrialPruned",
        "TrialState": "optuna.trial:TrialState",
    },
}
for _package in ("aimlutils.echo.src", "echo.src"):
    _MODULES |= {
        _package: {},
        f"{_package}.base_objective": _BASE,
        f"{_package}.config": _CONFIG,
        f"{_package}.pruners": _PRUNERS,
        f"{_package}.pruning": _PRUNERS,
        f"{_package}.reporting": _GPU,
        f"{_package}.samplers": _SAMPLERS,
        f"{_package}.trial_suggest": _SUGGEST,
        f"{_package}.utils": _UTILS,
    }
# From 1.0 on; before, a user's own `glob` was not replaced by it.
_MODULES["echo.src.base_objective"] = {**_BASE, "glob": "glob"}
_ROOTS = ("aimlutils", "echo")
# Names that a star import gives only where the package is installed.
_IF_INSTALLED = ("pd",)


def roots() -> tuple[str, ...]:
    """Return the top-level packages that are provided here."""
    return _ROOTS


def offered(name: str) -> bool:
    """Whether a module of this name is provided here."""
    return name in _MODULES


class _Module(ModuleType):
    """A module that replaces one of the original."""


def _fill(module: ModuleType) -> None:
    """Add a module's names, looked up on access, so that pandas is imported only if needed."""
    import logging

    sources = _MODULES[module.__name__]

    def look_up(name: str) -> Any:
        if name not in sources:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        source, _, attribute = sources[name].partition(":")
        source_module = importlib.import_module(source)
        value = getattr(source_module, attribute) if attribute else source_module
        setattr(module, name, value)
        return value

    is_full = "logging" in sources
    names = [name for name in sources if name not in _IF_INSTALLED or importlib.util.find_spec(sources[name])]
    contents = vars(module)
    contents["__getattr__"] = look_up
    contents["__all__"] = [*names, *(["logger"] if is_full else [])]
    if is_full:
        contents["logger"] = logging.getLogger(module.__name__)


def _replace(module: ModuleType) -> None:
    """Replace the callback of some releases, which lacks what Keras requires."""
    if "KerasPruningCallback" in vars(module):
        from hyperopt_app.legacy.objectives.pruning import KerasPruningCallback

        vars(module)["KerasPruningCallback"] = KerasPruningCallback


class _Loader(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name, "Stands in for a module of the original; see hyperopt_app.legacy.objectives.surface.")

    def exec_module(self, module: ModuleType) -> None:
        _fill(module)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root, _, rest = fullname.partition(".")
        if root not in _ROOTS and fullname not in _MODULES:
            return None
        parent = sys.modules.get(fullname.rpartition(".")[0])
        if rest and parent is not None and not _may_extend(parent, fullname):
            _refuse(fullname, parent)
            return None
        if fullname not in _MODULES:
            raise ModuleNotFoundError(
                f"No module named {fullname!r}: of the original package, only what optimises hyperparameters is stood "
                f"in for. Install the package itself, or bring this module's code to the objective's folder.",
                name=fullname,
            )
        is_package = any(name.startswith(f"{fullname}.") for name in _MODULES)
        return ModuleSpec(fullname, _Loader(), is_package=is_package)


def _may_extend(parent: ModuleType, fullname: str) -> bool:
    """Into our own packages, a mere folder of that name, another year's `aimlutils`, and `optuna.structs` into Optuna.

    Nobody else has a package `aimlutils`; a package `echo` may be anything.
    """
    is_folder = getattr(parent, "__file__", None) is None
    return isinstance(parent, _Module) or is_folder or fullname.startswith(("aimlutils.", "optuna."))


def _refuse(fullname: str, parent: ModuleType) -> None:
    if fullname not in _MODULES:
        return
    raise ModuleNotFoundError(
        f"No module named {fullname!r}: {parent.__name__!r} is another package, installed in {parent.__file__}, and is "
        "not replaced. Uninstall it, or install the package that the objective was written for.",
        name=fullname,
    )


@contextmanager
def surface() -> Iterator[None]:
    """Let the body import the original's modules; afterwards they are gone again."""
    finder, replacer = _Finder(), Replacer(_MODULES, _fill, _replace)
    sys.meta_path.append(finder)
    sys.meta_path.insert(0, replacer)
    try:
        with _structs_of_optuna():
            yield
    finally:
        sys.meta_path.remove(finder)
        sys.meta_path.remove(replacer)
        ours = [name for name, module in list(sys.modules.items()) if isinstance(module, _Module)]
        for name in (*ours, *replacer.replaced):
            sys.modules.pop(name, None)


@contextmanager
def _structs_of_optuna() -> Iterator[None]:
    """Provide `optuna.structs.TrialPruned` without importing that module, as the original's callback had it."""
    import optuna

    if hasattr(optuna, "structs"):
        yield
        return
    vars(optuna)["structs"] = importlib.import_module("optuna.structs")
    try:
        yield
    finally:
        del vars(optuna)["structs"]


_log = logging.getLogger(__name__)


class Replacer(MetaPathFinder):
    """Import hook that replaces installed modules whose import fails.

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
        self.replaced: list[str] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of an installed module, whose loader may fail."""
        if not self._modules.get(fullname) or "." not in fullname:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Careful(spec.loader, self)
        return spec

    def replace_broken(self, module: ModuleType, error: Exception) -> None:
        """Replace a module that could not be executed."""
        message = "%s, installed in %s, cannot be imported (%s: %s) and is stood in for"
        warn_once(_log, message, module.__name__, module.__file__, type(error).__name__, error)
        self.replaced.append(module.__name__)
        self._fill(module)


class _Careful(Loader):
    def __init__(self, loader: Loader, replacer: Replacer) -> None:
        self._loader = loader
        self._replacer = replacer

    def __getattr__(self, name: str) -> Any:
        """Forward the loader's attributes: source, file name and the like."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        try:
            self._loader.exec_module(module)
        except Exception as error:  # noqa: BLE001 - whatever it is, the user cannot fix it
            self._replacer.replace_broken(module, error)
        else:
            self._replacer.replace(module)
