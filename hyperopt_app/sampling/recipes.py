# SPDX-License-Identifier: MIT
"""Convert the config node of a sampler or pruner to a checked `Recipe`, and build the object from it repeatedly."""

import importlib.util
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from inspect import Parameter
from typing import Any

from optuna.exceptions import ExperimentalWarning

from hyperopt_app.errors import HyperoptError
from hyperopt_app.sampling.targets import allowed, checked, is_foreign, located, node_name, signature_of

__all__ = ["Recipe", "built", "recipe_of"]

# What Optuna's samplers import only when they sample.
_PACKAGES = {"CmaEsSampler": ("cmaes",), "GPSampler": ("scipy", "torch"), "QMCSampler": ("scipy",)}

# Words of Hydra's own in a node, which are not arguments; everything in a recipe is plain and built, as with
# `_convert_: all`.
_HYDRAS = ("_target_", "_args_", "_partial_", "_convert_", "_recursive_", "_isolate_")


@dataclass(frozen=True)
class Recipe:
    """A call that a node describes; its arguments may contain further recipes.

    Attributes:
        make: The class, or the function, that was checked.
        arguments: Positional arguments, Hydra's `_args_`.
        fields: The others.
        is_partial: Whether the node asks for a `functools.partial`.
        takes_seed: Whether a seed is an argument of it.
    """

    make: Callable[..., Any]
    arguments: tuple[Any, ...]
    fields: Mapping[str, Any]
    is_partial: bool
    takes_seed: bool

    def is_foreign(self) -> bool:
        """Whether this class, or one inside, belongs to another package than Optuna."""
        inner = _recipes_in([self.arguments, self.fields])
        return is_foreign(self.make) or any(recipe.is_foreign() for recipe in inner)


def recipe_of(node: Mapping[str, Any], base: type, where: str, *, is_part: bool = False) -> Recipe:
    """Convert a node to a recipe, checked at every depth; nothing in it is called.

    Args:
        node: A `_target_` node as plain data.
        base: BaseSampler or BasePruner.
        where: The node's key, for the error.
        is_part: Whether it stands inside another node.

    Raises:
        HyperoptError: A target is missing, not there, or no such class; or its packages are not installed.
    """
    if "_target_" not in node:
        raise HyperoptError(f"{where}._target_: it is missing; {allowed(base)}")
    make = checked(node["_target_"], base, where, is_part=is_part)
    _check_packages(make, where)
    fields = {key: _inner(value, base, f"{where}.{key}") for key, value in node.items() if key not in _HYDRAS}
    arguments = tuple(_inner(value, base, f"{where}._args_") for value in node.get("_args_") or ())
    parameters = signature_of(make).parameters
    if not is_foreign(make):
        fields = {key: _function(value, parameters.get(key), base, f"{where}.{key}") for key, value in fields.items()}
    takes_seed = "seed" in fields or "seed" in parameters
    return Recipe(make, arguments, fields, bool(node.get("_partial_")), takes_seed)


def _inner(value: Any, base: type, where: str) -> Any:
    if isinstance(value, Mapping):
        if "_target_" in value:
            return recipe_of(value, base, where, is_part=True)
        return {key: _inner(item, base, f"{where}.{key}") for key, item in value.items()}
    return [_inner(item, base, where) for item in value] if isinstance(value, (list, tuple)) else value


def _function(value: Any, parameter: Parameter | None, base: type, where: str) -> Any:
    """Return the value for a field of an Optuna class: the function that a text names, where a function is expected."""
    if not isinstance(value, str) or parameter is None or "Callable[" not in str(parameter.annotation):
        return value
    try:
        function = located(value, base, where)
    except HyperoptError as error:
        reason = str(error).removesuffix(f"; {allowed(base)}")
        raise HyperoptError(f"{reason}; give the dotted path of a function") from None
    if not callable(function):
        raise HyperoptError(f"{where}: {value} is not a function; give the dotted path of one")
    return function


def _recipes_in(value: Any) -> Iterator[Recipe]:
    if isinstance(value, Recipe):
        yield value
    elif isinstance(value, Mapping):
        yield from (recipe for item in value.values() for recipe in _recipes_in(item))
    elif isinstance(value, (list, tuple)):
        yield from (recipe for item in value for recipe in _recipes_in(item))


def _check_packages(make: Callable[..., Any], where: str) -> None:
    wanted = () if is_foreign(make) else _PACKAGES.get(make.__name__, ())
    missing = [package for package in wanted if importlib.util.find_spec(package) is None]
    if missing:
        raise HyperoptError(
            f"{where}: {make.__name__} needs {' and '.join(missing)}, not installed here; "
            f"pip install {' '.join(missing)}, or choose another sampler"
        )


def built(recipe: Recipe, base: type, where: str, seed: int | None = None) -> Any:
    """Build the object of a recipe; the seed is passed to everything in it that takes one.

    Raises:
        HyperoptError: A class refuses an argument, or raises; in one line.
    """
    try:
        with _each_warning_once():
            made = _made(recipe, seed)
    except Exception as error:
        raise HyperoptError(f"{where}: {_innermost_reason(error)}; {allowed(base)}") from error
    if not isinstance(made, base):
        raise HyperoptError(f"{where}._target_: {node_name(recipe.make)} made no {base.__name__}; {allowed(base)}")
    return made


# What has been said in this process: a sampler is made for each trial, and Optuna would say it for each.
_said: set[str] = set()


@contextmanager
def _each_warning_once() -> Iterator[None]:
    """Show each warning of the body once per process, and never warnings about experimental classes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
    for warning in caught:
        if str(warning.message) not in _said:
            _said.add(str(warning.message))
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno, source=warning.source
            )


def _made(value: Any, seed: int | None) -> Any:
    if isinstance(value, Mapping):
        return {key: _made(item, seed) for key, item in value.items()}
    if isinstance(value, list):
        return [_made(item, seed) for item in value]
    if not isinstance(value, Recipe):
        return value
    fields = {key: _made(item, seed) for key, item in value.fields.items()}
    if seed is not None and value.takes_seed:
        fields["seed"] = seed
    arguments = [_made(item, seed) for item in value.arguments]
    return partial(value.make, *arguments, **fields) if value.is_partial else value.make(*arguments, **fields)


def _innermost_reason(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    if isinstance(error, (TypeError, ValueError, ImportError)) and text:
        return text
    return f"{type(error).__name__}: {text}".rstrip(": ")
