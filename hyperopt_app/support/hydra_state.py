# SPDX-License-Identifier: MIT
"""Take Hydra's singletons and all resolvers to another process, so that a job there finds what it would find here.

The stock launchers send the same, in one piece. Here each resolver is pickled by itself: one that cannot travel (it
holds a lock, say) is left behind and named, and the others arrive.
"""

import contextlib
import copy
import functools
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import FunctionType
from typing import Any

import cloudpickle
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf
from omegaconf.basecontainer import BaseContainer

from hyperopt_app.errors import HyperoptError

__all__ = [
    "HydraState",
    "at_moment",
    "define_in_script",
    "moment_of",
    "script_definitions",
    "sendable",
    "state_of_this_process",
]

_log = logging.getLogger(__name__)

_WAY_OUT = (
    "register it in a module that the task imports, or stay in one process: hydra/launcher=basic keeps the worker in "
    "the command, hydra.launcher.isolation=none a trial in its worker"
)


@dataclass(frozen=True)
class HydraState:
    """Hydra's singletons and OmegaConf's resolvers, ready to be sent.

    Attributes:
        singletons: The pickled singletons by class, without the plugins, which each process discovers by itself.
        resolvers: Each resolver's name and pickle.
        left_behind: The name of each resolver that cannot be pickled, and why not.
        script: What the script defines, by name; see `script_definitions`.
    """

    singletons: bytes
    resolvers: Mapping[str, bytes]
    left_behind: Mapping[str, str]
    script: Mapping[str, bytes]

    def restore(self) -> None:
        """Make this process's singletons and resolvers those of the state.

        Call it when all that the job needs is unpickled: a module may register its resolvers when it is imported, and
        must not find them registered already. What was left behind stays as the process itself has it, if it does.
        """
        instances = cloudpickle.loads(self.singletons)
        resolvers = {name: cloudpickle.loads(pickled) for name, pickled in self.resolvers.items()}
        own = BaseContainer._resolvers
        for name, reason in self.left_behind.items():
            resolvers[name] = own.get(name, _missing(name, reason))
        Singleton._instances = {**Singleton._instances, **instances}
        BaseContainer._resolvers = resolvers
        define_in_script(self.script)

    def tell_what_is_left_behind(self) -> None:
        """Log one line for each resolver that cannot be sent."""
        for name, reason in self.left_behind.items():
            _log.warning("The resolver %r cannot be sent to another process (%s); %s.", name, reason, _WAY_OUT)


def state_of_this_process() -> HydraState:
    """The singletons and resolvers as they are now."""
    resolvers, left_behind = dict[str, bytes](), dict[str, str]()
    for name, resolver in BaseContainer._resolvers.items():
        pickled, reason = _pickled(resolver)
        if pickled is None:
            left_behind[name] = reason
        else:
            resolvers[name] = pickled
    left_out = (Plugins, HydraConfig)  # which a process finds, and a job sets, by itself
    instances = {kind: one for kind, one in Singleton._instances.items() if kind not in left_out}
    return HydraState(cloudpickle.dumps(instances), resolvers, left_behind, script_definitions())


# What another process's script has defined; a worker hands it on to its trials.
_of_another_script: dict[str, bytes] = {}


def script_definitions() -> dict[str, bytes]:
    """The classes and functions of the script, which no other process can import: name to pickle.

    A config may name one of them (`_target_: __main__.Net`) that the task function itself does not mention.
    """
    found = dict(_of_another_script)
    for name, value in vars(sys.modules["__main__"]).items():
        if isinstance(value, (type, FunctionType)) and value.__module__ == "__main__":
            pickled, _ = _pickled(value)
            if pickled is not None:
                found[name] = pickled
    return found


def define_in_script(definitions: Mapping[str, bytes]) -> None:
    """Let this `__main__` have what another process's script defines, each unpickled when it is asked for."""
    main = sys.modules["__main__"]
    _of_another_script.update(definitions)

    def get(name: str) -> Any:
        if name not in _of_another_script:
            raise AttributeError(f"module '__main__' has no attribute {name!r}")
        value = cloudpickle.loads(_of_another_script[name])
        setattr(main, name, value)
        return value

    if definitions:
        setattr(main, "__getattr__", get)  # noqa: B010 - PEP 562: a module's own


def sendable(context: HydraContext) -> HydraContext:
    """The context without those of the user's callbacks that cannot be pickled; each of them is named once."""
    kept = []
    for callback in context.callbacks.callbacks:
        pickled, reason = _pickled(callback)
        if pickled is None:
            _tell_once(
                f"The Hydra callback {type(callback).__name__} cannot be sent to another process ({reason}): trials "
                "there run without it; hydra.launcher.isolation=none or hydra/launcher=basic keeps them here."
            )
        else:
            kept.append(callback)
    sent = copy.copy(context)
    sent.callbacks = type(context.callbacks)()
    sent.callbacks.callbacks = kept
    return sent


@functools.cache
def _tell_once(text: str) -> None:
    _log.warning("%s", text)


def _pickled(thing: Any) -> tuple[bytes | None, str]:
    """The pickle of a thing, or None and one line that says why there is none."""
    try:
        return cloudpickle.dumps(thing), ""
    except Exception as error:  # noqa: BLE001 - a thing of the user's may raise anything here
        return None, f"{type(error).__name__}: {' '.join(str(error).split())}"


def _missing(name: str, reason: str) -> Callable[..., Any]:
    """What stands in for a resolver that was left behind: it says so where it is used."""

    def resolve(*_asked: Any, **_more: Any) -> Any:
        raise HyperoptError(f"${{{name}:...}} cannot be read here: the resolver was not sent ({reason}); {_WAY_OUT}.")

    return resolve


def moment_of(config: DictConfig) -> datetime:
    """The moment of the command: what `${now:...}` has told this config already, else the present.

    Hydra keeps what it has told for each format. The directory of a sweep has date and time of day in two of them.

    Args:
        config: The composed config of the sweep.
    """
    patterns, texts, known = list[str](), list[str](), set[str]()
    for (pattern,), text in OmegaConf.get_cache(config).get("now", {}).items():
        codes = set(re.findall("%.", pattern))
        if not codes & known:  # strptime takes each once
            patterns.append(pattern)
            texts.append(text)
            known |= codes
    if {"%Y", "%m", "%d", "%H", "%M", "%S"} <= known:
        with contextlib.suppress(ValueError):
            return datetime.strptime("\n".join(texts), "\n".join(patterns))  # noqa: DTZ007 - local, as Hydra's
    return datetime.now()  # noqa: DTZ005 - local, as Hydra's


@contextlib.contextmanager
def at_moment(moment: datetime) -> Iterator[None]:
    """Let `${now:...}` tell this moment while the body runs, whenever that is."""
    before = BaseContainer._resolvers.get("now")

    def now(pattern: str) -> str:
        return moment.strftime(pattern)

    OmegaConf.register_resolver("now", now, use_cache=True, replace=True)
    try:
        yield
    finally:
        if before is None:
            OmegaConf.clear_resolver("now")
        else:
            BaseContainer._resolvers["now"] = before
