# SPDX-License-Identifier: MIT
"""Send Hydra's singletons and all resolvers to another process, so that a job finds them there as here.

Hydra's stock launchers send the same. Here a resolver that cannot be pickled (it holds a lock, say) is left out and
named, and the others arrive.
"""

import contextlib
import copy
import functools
import importlib
import inspect
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import cloudpickle
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.types import HydraContext
from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer

from hyperopt_app.errors import HyperoptError

__all__ = ["HydraState", "define_in_script", "packed", "script_definitions", "sendable", "unpacked"]

_log = logging.getLogger(__name__)

_WAY_OUT = (
    "register it in a module that the task imports, or stay in one process: hydra/launcher=basic keeps the worker in "
    "the command, hydra.launcher.isolation=none a trial in its worker"
)


@dataclass
class HydraState:
    """Hydra's singletons, OmegaConf's resolvers and the script's definitions of one process.

    Attributes:
        singletons: By class; without the plugins, which each process discovers by itself.
        resolvers: By name.
        script: The classes and functions of the script, by name; see `script_definitions`.
        left_behind: The name of each resolver that cannot be pickled, and why not.
        modules: Those in which the resolvers were written.
    """

    singletons: dict[type, Any]
    resolvers: dict[str, Callable[..., Any]]
    script: dict[str, Any]
    left_behind: dict[str, str]
    modules: tuple[str, ...]

    def restore(self) -> None:
        """Set this process's singletons and resolvers to those of the state.

        What was left behind stays as the process itself has it, if it does.
        """
        # A module may register its resolvers when it is imported, and must not find them registered already.
        for name in self.modules:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
        own = BaseContainer._resolvers
        missing = {name: own.get(name, _missing(name, reason)) for name, reason in self.left_behind.items()}
        Singleton._instances = {**Singleton._instances, **self.singletons}
        BaseContainer._resolvers = {**self.resolvers, **missing}
        define_in_script(self.script)


def packed(content: Any) -> bytes:
    """Pickle a job together with this process's state; `unpacked` reverses it.

    In one pickle, so that what they share stays shared: a variable of the script that a resolver sets and a task reads.

    Raises:
        HyperoptError: The job cannot be pickled; no other try would go better.
    """
    state = _state()
    try:
        return cloudpickle.dumps((content, state))  # type: ignore[no-any-return]
    except Exception:  # noqa: BLE001 - anything of the user's may be among it; it is looked for below
        for name, resolver in list(state.resolvers.items()):
            pickled, reason = _pickled(resolver)
            if pickled is None:
                del state.resolvers[name]
                state.left_behind[name] = reason
                _log_once(f"The resolver {name!r} cannot be sent to another process ({reason}); {_WAY_OUT}.")
        pickled, reason = _pickled((content, state))
        if pickled is None:
            raise HyperoptError(
                f"The search cannot be sent to another process ({reason}). The function that is searched, or a "
                "variable of the script that it reads, holds what cannot be pickled, such as a lock, a file or a "
                "connection: make it where a trial needs it, or stay in this process with hydra/launcher=basic"
            ) from None
        return pickled


def unpacked(data: bytes) -> tuple[Any, HydraState]:
    """Return the job, and the state to restore."""
    content, state = cloudpickle.loads(data)
    return content, state


def _state() -> HydraState:
    instances = {kind: instance for kind, instance in Singleton._instances.items() if kind is not Plugins}
    resolvers = dict(BaseContainer._resolvers)
    modules = sorted({name for resolver in resolvers.values() for name in _modules_of(resolver)})
    return HydraState(instances, resolvers, script_definitions(), {}, tuple(modules))


def _modules_of(resolver: Any) -> Iterator[str]:
    """Return the modules that define a resolver's function; OmegaConf wraps it in a closure."""
    inner = inspect.getclosurevars(resolver).nonlocals.values() if inspect.isfunction(resolver) else ()
    for part in (resolver, *inner):
        name = getattr(part, "__module__", None) if callable(part) else None
        if name and name.partition(".")[0] not in {"__main__", "builtins", "hydra", "hyperopt_app", "omegaconf"}:
            yield name


# What another process's script has defined; a worker hands it on to its trials.
_of_another_script: dict[str, Any] = {}
# Bytes of pickled definitions; beyond, only those that a config names are sent. Each trial unpickles them.
_MOST_OF_A_SCRIPT = 1 << 20


def script_definitions() -> dict[str, Any]:
    """Return the classes and functions of the script, which no other process can import.

    A config may name one of them (`_target_: __main__.Net`) that the task function itself does not mention.
    """
    script = vars(sys.modules["__main__"])
    named = set(re.findall(r"__main__\.(\w+)", _configs()))
    whole = _of_another_script or {
        name: value for name, value in script.items() if name in named or _is_of_the_script(value)
    }
    pickled, _ = _pickled(whole)
    if pickled is not None and len(pickled) <= _MOST_OF_A_SCRIPT:
        return whole
    return {name: value for name, value in whole.items() if name in named and _pickled(value)[0] is not None}


def _is_of_the_script(value: Any) -> bool:
    # By its type, not by isinstance: a proxy among the script's variables may raise when it is asked what it is.
    return issubclass(type(value), (type, FunctionType)) and value.__module__ == "__main__"


def _configs() -> str:
    """Return the text of this job's config and of all that the script stored in Hydra's config store."""
    texts = []
    # YAML cannot write every object that a config may hold.
    with contextlib.suppress(Exception):
        texts.append(OmegaConf.to_yaml(HydraConfig.instance().cfg))
    folders = [ConfigStore.instance().repo]
    while folders:
        for node in folders.pop().values():
            if isinstance(node, dict):
                folders.append(node)
                continue
            with contextlib.suppress(Exception):
                texts.append(OmegaConf.to_yaml(node.node))
    return "\n".join(texts)


def define_in_script(definitions: Mapping[str, Any]) -> None:
    """Add the definitions of another process's script to this process's `__main__`."""
    script = vars(sys.modules["__main__"])
    _of_another_script.update(definitions)
    for name, value in definitions.items():
        script.setdefault(name, value)


def sendable(context: HydraContext) -> HydraContext:
    """Return the context without user callbacks that cannot be pickled; each is logged once."""
    kept = []
    for callback in context.callbacks.callbacks:
        pickled, reason = _pickled(callback)
        if pickled is None:
            _log_once(
                f"The Hydra callback {type(callback).__name__} cannot be sent to another process ({reason}): trials "
                "there run without it; hydra/launcher=basic keeps them here."
            )
        else:
            kept.append(callback)
    sent = copy.copy(context)
    sent.callbacks = type(context.callbacks)()
    sent.callbacks.callbacks = kept
    return sent


@functools.cache
def _log_once(text: str) -> None:
    _log.warning("%s", text)


def _pickled(thing: Any) -> tuple[bytes | None, str]:
    """Pickle an object; return None and a one-line reason if that fails."""
    try:
        return cloudpickle.dumps(thing), ""
    except Exception as error:  # noqa: BLE001 - a thing of the user's may raise anything here
        return None, f"{type(error).__name__}: {' '.join(str(error).split())}"


def _missing(name: str, reason: str) -> Callable[..., Any]:
    """Return a resolver that raises an error in place of one that was left behind."""

    def resolve(*_asked: Any, **_more: Any) -> Any:
        raise HyperoptError(f"${{{name}:...}} cannot be read here: the resolver was not sent ({reason}); {_WAY_OUT}.")

    return resolve
