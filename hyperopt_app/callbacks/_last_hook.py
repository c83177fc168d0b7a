# SPDX-License-Identifier: MIT
"""Have a function called after all else that Lightning does at the end of a training epoch.

Lightning calls callbacks first, then the module, then those callbacks that monitor a metric: `EarlyStopping` and
checkpoints. A checkpoint that an ordinary callback writes has the state of the latter from the epoch before, so a
training that goes on from it would forget its best epoch. Lightning has no later place for a callback of others.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

__all__ = ["call_last"]


def call_last(trainer: Any, owner: Any, function: Callable[[Any], None]) -> bool:
    """Append a callback that calls a function with the Trainer; False where nothing monitors, and it is not needed.

    It is of the kind of the callbacks before it, so `trainer.checkpoint_callback` and `trainer.early_stopping_callback`
    stay what they are.

    Args:
        trainer: At the beginning of a fit.
        owner: The callback whose function it is; it has one such callback in a Trainer.
        function: Called after each training epoch.
    """
    if any(getattr(callback, "hyperopt_owner", None) is owner for callback in trainer.callbacks):
        return True
    monitors = [*trainer.checkpoint_callbacks, *trainer.early_stopping_callbacks]
    if not monitors:
        return False
    kinds = [kind for kind in type(monitors[0]).__mro__ if kind.__name__ in ("Checkpoint", "EarlyStopping")]
    last: Any = object.__new__(_kind_of_last(kinds[-1]))
    last.hyperopt_owner, last.function = owner, function
    trainer.callbacks.append(last)
    return True


def _ignores(_self: Any, *_arguments: Any, **_named: Any) -> None:
    """Do nothing where `EarlyStopping` would look at its metric."""


def _calls_its_function(self: Any, trainer: Any, _module: Any) -> None:
    self.function(trainer)


@cache
def _kind_of_last(kind: Any) -> Any:
    """Return a class of that kind that does nothing but call its function."""
    members = {
        "__module__": __name__,
        "state_key": "HyperoptCallback.last",
        "setup": _ignores,
        "state_dict": lambda _self: {},
        "load_state_dict": _ignores,
        "on_validation_end": _ignores,
        "on_train_epoch_end": _calls_its_function,
    }
    return type("LastHook", (kind,), members)
