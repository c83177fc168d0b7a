# SPDX-License-Identifier: MIT
"""Create an object of the user's Objective class, whichever of the original's three signatures it has."""

import inspect
from collections.abc import Mapping, Sequence
from types import MethodType
from typing import Any

from hyperopt_app.errors import HyperoptError
from hyperopt_app.legacy.objectives.base_objective import BaseObjective, Surroundings, save, surround, update_config
from hyperopt_app.legacy.objectives.devices import device_name
from hyperopt_app.legacy.objectives.surface import roots

__all__ = ["arguments_for", "device_argument", "is_users", "made"]

# Dialects in which the constructor was given a device.
_DEVICE_GIVEN = ("A0", "A1", "A2", "B1")
_ROLES = ("study", "config", "metric", "device")
_SAME = {"conf": "config", "model_config": "config", "metrics": "metric", "devices": "device"}


def made(kind: Any, values: Mapping[str, Any], around: Surroundings, dialect: str) -> Any:
    """Create the user's object, with its attributes set before its own constructor runs.

    Args:
        kind: The user's class.
        values: What there is for `study`, `config`, `metric` and `device`.
        around: What the application knows.
        dialect: See `Pair.dialect`.
    """
    args, kwargs = arguments_for(inspect.signature(kind), values, dialect)
    # A class without a constructor of its own refuses arguments here as there.
    objective = kind.__new__(kind, *args, **kwargs) if is_users(kind, "__new__") else kind.__new__(kind)
    surround(objective, around, values["metric"])
    objective.config = values["config"]
    objective.__init__(*args, **kwargs)
    if not hasattr(objective, "_around") or objective.worker_index != around.node_id:
        surround(objective, around, getattr(objective, "metric", values["metric"]))
    _replace_the_originals(objective)
    if is_users(kind, "set_properties"):
        objective.set_properties(node_id=around.node_id, device=around.device)
    return objective


def _replace_the_originals(objective: Any) -> None:
    """Replace methods of an installed package of the original by ours, which write no tables."""
    for name, function in (("update_config", update_config), ("save", save)):
        if not isinstance(objective, BaseObjective) and not is_users(type(objective), name):
            setattr(objective, name, MethodType(function, objective))
    objective._summon = True  # noqa: SLF001 - the original's name for it


def is_users(kind: type[Any], name: str) -> bool:
    """Whether a method is defined by the user, and not by the original, this package or Python."""
    definer = next((owner for owner in kind.__mro__ if name in vars(owner)), object)
    return definer is not object and definer.__module__.partition(".")[0] not in {*roots(), "hyperopt_app"}


def arguments_for(
    signature: inspect.Signature, values: Mapping[str, Any], dialect: str
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments for a constructor: by name, else in the original's order.

    Raises:
        HyperoptError: It wants something else, too.
    """
    parameters = list(signature.parameters.values())
    left = [role for role in _ROLES if role != "study" or _wants_study(parameters, dialect)]
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            # From B2 on the device came later, by set_properties.
            args += [values[role] for role in left if not kwargs and (role != "device" or dialect in _DEVICE_GIVEN)]
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        role = _role_of(parameter, [role for role in left if role not in _named(parameters)], left, dialect)
        if role is None:
            continue
        left.remove(role)
        if parameter.kind is parameter.KEYWORD_ONLY or len(args) < _position(parameter, parameters):
            kwargs[parameter.name] = values[role]
        else:
            args.append(values[role])
    return args, kwargs


def _wants_study(parameters: Sequence[inspect.Parameter], dialect: str) -> bool:
    if parameters and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL:
        return dialect in {"A0", "A1"}
    return any(parameter.name == "study" for parameter in parameters)


def _named(parameters: Sequence[inspect.Parameter]) -> set[str]:
    return {_SAME.get(parameter.name, parameter.name) for parameter in parameters}


def _role_of(parameter: inspect.Parameter, unnamed: Sequence[str], left: Sequence[str], dialect: str) -> str | None:
    """Return the role of a parameter: by its name, else the next in order; None if its default suffices."""
    role = _SAME.get(parameter.name, parameter.name)
    if role in left:
        return role
    has_default = parameter.default is not parameter.empty
    if unnamed and parameter.kind is not parameter.KEYWORD_ONLY:
        # From B2 on nothing was in line for a third one.
        return unnamed[0] if not has_default or unnamed[0] != "device" or dialect in _DEVICE_GIVEN else None
    if has_default:
        return None
    fault = (
        f"optuna.objective: Objective.__init__ wants {parameter.name!r}, which nobody can give it; it is given "
        "(config, metric), (config, metric, device) or (study, config, metric, device)"
    )
    raise HyperoptError(fault)


def _position(parameter: inspect.Parameter, parameters: Sequence[inspect.Parameter]) -> int:
    return [other.name for other in parameters].index(parameter.name)


def device_argument(device: Any, dialect: str) -> Any:
    """Return the device in the form of the original's time: an index first, later a name."""
    return device if dialect in _DEVICE_GIVEN else device_name(device)
