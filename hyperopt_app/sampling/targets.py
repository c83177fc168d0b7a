# SPDX-License-Identifier: MIT
"""Import the class named by a sampler's or pruner's `_target_` and check it without calling it.

The class may come from the user's script, a module or a package, so a config could name any function. Anything that
is not a sampler, a pruner or a part of one is refused before it can run.
"""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.samplers.nsgaii import BaseCrossover, BaseMutation

from hyperopt_app.errors import HyperoptError
from hyperopt_app.support.display_text import did_you_mean, shortened

__all__ = [
    "Signature",
    "allowed",
    "checked",
    "is_foreign",
    "located",
    "made_class",
    "node_name",
    "picklable_target",
    "signature_of",
]

_MAIN = "__main__"
_PARTS = (BaseSampler, BasePruner, BaseCrossover, BaseMutation)

# The functions that sampler groups name, ours and hydra-optuna-sweeper's, and the class that each of them makes.
_UPSTREAM, _OURS = "hydra_plugins.hydra_optuna_sweeper.", "hyperopt_app.sampling.makers."
# Classes of this package are made anew for each trial, as Optuna's are.
_OWN_CLASSES = ("hyperopt_app.sampling.curves.", "hyperopt_app.sampling.promotion.")
_MAKERS: Mapping[str, type | None] = {
    f"{_OURS}nsgaiii": optuna.samplers.NSGAIIISampler,
    f"{_OURS}motpe": None,  # it says what to use instead
    f"{_UPSTREAM}_impl.create_nsgaii_sampler": optuna.samplers.NSGAIISampler,
    f"{_UPSTREAM}_impl.create_nsgaiii_sampler": optuna.samplers.NSGAIIISampler,
    f"{_UPSTREAM}config.raise_motpe_removed": None,
}


class Signature(NamedTuple):
    """The parameters that a class accepts by name, and whether it accepts others too (`**kwargs`)."""

    parameters: Mapping[str, inspect.Parameter]
    takes_any: bool


def checked(target: object, base: type, where: str, *, is_part: bool = False) -> Callable[..., Any]:
    """Return the class that a `_target_` names, if a node may name it; imports modules, calls nothing.

    Args:
        target: A dotted path, or the class itself where a class of the user's script has travelled.
        base: BaseSampler or BasePruner: what the whole node is to make.
        where: The node's key, for the error.
        is_part: Whether the node stands inside another, which may want any sampler, pruner, crossover or mutation.

    Raises:
        HyperoptError: The name does not exist, its module cannot be imported, or it is another kind of class.
    """
    if isinstance(target, str) and target in _MAKERS:
        return _makers_function(target, base, where)
    kind = located(target, base, where)
    name = node_name(target)
    bases = _PARTS if is_part else (base,)
    if not isinstance(kind, type):
        raise HyperoptError(f"{where}: {name} is {_kind(kind)}, no class, and was not called; {allowed(base)}")
    if not (issubclass(kind, bases) or (is_part and _is_optunas_part(kind))):
        wanted = "sampler, pruner, crossover or mutation" if is_part else base.__name__
        raise HyperoptError(f"{where}: {name} is not a {wanted}, and was not called; {allowed(base)}")
    if inspect.isabstract(kind):
        lacking = ", ".join(sorted(getattr(kind, "__abstractmethods__", ())))
        raise HyperoptError(f"{where}: {name} is abstract, it lacks {lacking}; {allowed(base)}")
    return kind


def located(target: object, base: type, where: str) -> object:
    """Return the object that a dotted path names, importing the modules on the way.

    Raises:
        HyperoptError: The name does not exist, or a module raises when it is imported; in one line.
    """
    if isinstance(target, type):
        return target
    if not isinstance(target, str) or not all(target.split(".")):
        raise HyperoptError(f"{where}._target_: {target!r} is not a dotted path of a class; {allowed(base)}")
    first, *rest = target.split(".")
    value: object = _module(first, target, base, where)
    path = first
    for name in rest:
        path = f"{path}.{name}"
        try:
            value = getattr(value, name)
        except AttributeError:
            if not hasattr(value, "__path__"):
                near = did_you_mean(name, [attribute for attribute in dir(value) if not attribute.startswith("_")])
                text = f"{where}._target_: {shortened(target)} does not exist: no {path}{near}; {allowed(base)}"
                raise HyperoptError(text) from None
            value = _module(path, target, base, where)
        except Exception as error:  # a module may import what it is asked for only then
            raise _not_imported(path, target, where, error) from error
    return value


def _module(name: str, target: str, base: type, where: str) -> ModuleType:
    """Import a module; the script that was started stands for itself, so that it does not run twice."""
    try:
        if name not in sys.modules and _is_main(name):
            return sys.modules[_MAIN]
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            parent = sys.modules.get(name.rpartition(".")[0])
            near = did_you_mean(name.rpartition(".")[2], list(getattr(parent, "__all__", ())))
            shown, lacking = (shortened(word) for word in (target, name))
            text = f"{where}._target_: {shown} does not exist: no module {lacking}{near}; {allowed(base)}"
            raise HyperoptError(text) from error
        raise _not_imported(name, target, where, error) from error
    except (Exception, SystemExit) as error:  # an import runs the user's module, which may raise anything
        raise _not_imported(name, target, where, error) from error


def _not_imported(module: str, target: str, where: str, error: BaseException) -> HyperoptError:
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
    return HyperoptError(
        f"{where}: {target} cannot be imported, {module} raises {reason}; fix the module, or install what it needs"
    )


def _is_main(name: str) -> bool:
    """Whether the module is the file that was started, by `python train.py` or `python -m pkg.train`."""
    main = sys.modules[_MAIN]
    started = getattr(main, "__spec__", None)
    if started is not None:
        return bool(started.name == name)
    file, spec = getattr(main, "__file__", None), importlib.util.find_spec(name)
    if not file or spec is None or not spec.origin:
        return False
    return Path(spec.origin).resolve() == Path(str(file)).resolve()


def _makers_function(target: str, base: type, where: str) -> Callable[..., Any]:
    """Return a group's function; hydra-optuna-sweeper's may be missing, or belong to another release."""
    function: Any = located(target, base, where)
    return function  # type: ignore[no-any-return]


def _is_optunas_part(value: type) -> bool:
    return value.__module__.startswith(("optuna.samplers.", "optuna.pruners."))


def _kind(value: object) -> str:
    if isinstance(value, ModuleType):
        return "a module"
    return "a function" if inspect.isroutine(value) else f"of the type {type(value).__name__}"


def allowed(base: type) -> str:
    """Say what may replace a wrong `_target_`."""
    module, group = (optuna.samplers, "sampler") if base is BaseSampler else (optuna.pruners, "pruner")
    names = ", ".join(_classes(module.__all__, module, base))
    return (
        f"name a class that derives from optuna's {base.__name__}, or choose a group with "
        f"hydra/sweeper/{group}=..., or one of {names}"
    )


def _classes(names: Sequence[str], module: Any, base: type) -> Iterable[str]:
    classes = (member for name in names if isinstance(member := getattr(module, name), type))
    return [cls.__name__ for cls in classes if issubclass(cls, base) and not inspect.isabstract(cls)]


def made_class(node: Mapping[str, Any] | None) -> Any:
    """Return the class that a node creates; None if unknown. Imports only Optuna's modules and this package's."""
    target = (node or {}).get("_target_")
    if not isinstance(target, str) or target in _MAKERS:
        return _MAKERS.get(target) if isinstance(target, str) else target
    try:
        return located(target, BaseSampler, "") if target.startswith(("optuna.", *_OWN_CLASSES)) else None
    except HyperoptError:
        return None


def is_foreign(made_by: Callable[..., Any]) -> bool:
    """Whether a class is neither Optuna's, nor this package's, nor built by one of the groups' functions."""
    return not f"{made_by.__module__}.".startswith(("optuna.", _UPSTREAM, _OURS, *_OWN_CLASSES))


def signature_of(made_by: Callable[..., Any]) -> Signature:
    """Return what a class accepts by its real signature; a group's function accepts what its class does."""
    made_by = _MAKERS.get(f"{made_by.__module__}.{made_by.__qualname__}") or made_by
    try:
        parameters = inspect.signature(made_by).parameters
    except ValueError:  # written in C, without a signature
        return Signature({}, takes_any=True)
    named = {
        name: parameter
        for name, parameter in parameters.items()
        if parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    }
    return Signature(named, any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()))


def picklable_target(target: object, made_by: Callable[..., Any]) -> object:
    """Return the form of a class in a plan: the class itself if only the script defines it, else its path."""
    return made_by if getattr(made_by, "__module__", "") == _MAIN else target


def node_name(target: object) -> str:
    """Return a `_target_` as text, also if it is the class itself."""
    return f"{target.__module__}.{target.__qualname__}" if isinstance(target, type) else str(target)
