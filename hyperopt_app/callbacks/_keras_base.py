# SPDX-License-Identifier: MIT
"""Choose the Keras base class of the callback when the callback is created, so that importing this needs no Keras.

`keras` (2 or 3), `tf_keras` and the copies inside TensorFlow each have their own `Callback` class.
"""

import contextlib
import importlib
import importlib.util
import sys
from functools import cache
from typing import Any

__all__ = ["OfKeras", "installed_keras"]

_PACKAGES = ("keras", "tf_keras", "tensorflow.python.keras")


class OfKeras:
    """Base of our callbacks; an instance of a subclass also derives from the `Callback` of each Keras in use.

    Where none is in use it is a plain object with all the methods that a training loop may call.
    """

    def __new__(cls, *_args: Any, **_kwargs: Any) -> "OfKeras":
        """Create an instance of the subclass that has Keras's bases."""
        plain: Any = cls  # mypy does not take a class for something hashable
        made: OfKeras = object.__new__(_with_bases(plain, _bases_in_use() or (_Hooks,)))
        return made

    def __reduce__(self) -> Any:
        # The class with Keras's base has no importable name; its plain parent has, and makes it anew.
        plain = next(parent for parent in type(self).__mro__ if "_hyperopt_keras" not in vars(parent))
        return _bare, (plain,), self.__dict__


def installed_keras() -> str | None:
    """Return the Keras that is in use, else the first that is installed; None without one."""
    for name in _PACKAGES:
        if name in sys.modules:
            return name
    for name in _PACKAGES[:2]:
        if importlib.util.find_spec(name):
            return name
    return None


def _bases_in_use() -> tuple[type, ...]:
    bases: list[type] = []
    for name in _PACKAGES:
        if name in sys.modules:
            with contextlib.suppress(ImportError, AttributeError):
                bases.append(importlib.import_module(f"{name}.callbacks").Callback)
    return tuple(dict.fromkeys(bases))


@cache
def _with_bases(plain: type, bases: tuple[type, ...]) -> type:
    if issubclass(plain, bases):
        return plain
    namespace = {"__module__": plain.__module__, "__qualname__": plain.__qualname__, "_hyperopt_keras": True}
    return type(plain.__name__, (plain, *bases), namespace)


def _bare(plain: Any) -> Any:
    """Create an object without attributes, for unpickling."""
    return plain.__new__(plain)


class _Hooks:
    """The methods that a Keras-style training loop may call; they do nothing."""

    def __init__(self) -> None:
        self.params: Any = None
        self.model: Any = None

    def set_params(self, params: Any) -> None:
        self.params = params

    def set_model(self, model: Any) -> None:
        self.model = model


def _nothing(self: Any, *_args: Any, **_kwargs: Any) -> None:
    """Do nothing; called by a training loop."""


for _phase in ("train", "test", "predict"):
    for _moment in (f"{_phase}_begin", f"{_phase}_end", f"{_phase}_batch_begin", f"{_phase}_batch_end"):
        setattr(_Hooks, f"on_{_moment}", _nothing)
for _moment in ("batch_begin", "batch_end", "epoch_begin", "epoch_end"):
    setattr(_Hooks, f"on_{_moment}", _nothing)
