# SPDX-License-Identifier: MIT
"""Merge the user's settings of a sampler or pruner with its config group, and keep only what its class accepts.

`sampler: {_target_: mine.Sampler, width: 3}` is written over the fields of the group chosen below, so the composed
node has both. Arguments of the class are kept, fields known only to the group are dropped, and any other key is an
error.
"""

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omegaconf import BooleanNode, FloatNode, IntegerNode, StringNode
from omegaconf.errors import ValidationError

from hyperopt_app.errors import HyperoptError
from hyperopt_app.sampling.targets import Signature, checked, is_foreign, node_name, picklable_target, signature_of
from hyperopt_app.support.display_text import did_you_mean

__all__ = ["Below", "fit"]

_log = logging.getLogger(__name__)

Node = dict[str, Any]

_MISSING = "???"
# Optuna counts with NumPy, whose whole numbers end here.
_MOST = 2**63 - 1
_HYDRAS = ("_target_", "_args_", "_partial_", "_convert_", "_recursive_", "_isolate_")
# How Optuna's signatures write plain types; what they write otherwise is not looked at.
_PLAIN: Mapping[str, Any] = {"int": IntegerNode, "float": FloatNode, "bool": BooleanNode, "str": StringNode}


@dataclass(frozen=True)
class Below:
    """The config below the user's node.

    Attributes:
        node: The node of the chosen group, empty if its fields are not known: under a user's own file.
        others: The nodes of all groups; under a user's own file what remains of one of them falls away.
        is_written: Whether the user has written a key, asked only where it cannot be seen.
    """

    node: Mapping[str, Any] = field(default_factory=dict)
    others: Sequence[Mapping[str, Any]] = ()
    is_written: Callable[[str], bool] = lambda _key: True

    def has(self, key: str, value: object) -> bool:
        """Whether the key with exactly this value comes from below, as far as can be determined."""
        return any(key in node and node[key] == value for node in ((self.node,) if self.node else self.others))


def fit(
    node: Mapping[str, Any] | None, below: Below, default: Mapping[str, Any], base: type, where: str
) -> tuple[Node, list[str]]:
    """Reduce the composed node to what its class accepts.

    Args:
        node: The composed `hydra.sweeper.sampler` or `.pruner` as plain data; None or without a target: the default.
        below: What stands below it.
        default: The node of our default group.
        base: BaseSampler or BasePruner.
        where: The node's key, for faults.

    Returns:
        The node, with the class itself as the target where it is the script's; and what is wrong, a line each.
    """
    if node is not None and not isinstance(node, Mapping):
        way = f"choose a group with hydra/sweeper/{where.rpartition('.')[2]}={node}, or write a mapping with _target_"
        return dict(default), [f"{where}: {node!r} is not a node; {way}"]
    written = {str(key): value for key, value in (node or {}).items()}
    if written.get("_target_") in (None, _MISSING):
        written.pop("_target_", None)
        return fit({**default, **written}, Below(default), default, base, where)
    return _fit(written, below, base, where, is_part=False)


def _fit(node: Node, below: Below, base: type, where: str, *, is_part: bool) -> tuple[Node, list[str]]:
    try:
        made_by = checked(node["_target_"], base, where, is_part=is_part)
    except HyperoptError as error:
        return node, [str(error)]
    takes, is_same = signature_of(made_by), _makes_the_same(made_by, below, base, where)
    fitted: Node = {"_target_": picklable_target(node["_target_"], made_by)}
    faults: list[str] = []
    for key, value in node.items():
        if key == "_target_" or (not is_same and _falls_away(key, value, takes, below)):
            continue
        if not (key in _HYDRAS or key in takes.parameters or takes.takes_any):
            if key in below.node:
                _log.info("%s.%s: %r is left out, %s does not take it", where, key, value, node_name(node["_target_"]))
            else:
                faults.append(_unknown(key, node, takes, where))
            continue
        if isinstance(value, str) and value == _MISSING:
            faults.append(
                f"{where}.{key}: it has no value, and {node_name(node['_target_'])} needs one; write it there"
            )
            continue
        fitted[key], value_faults = _value(key, value, made_by, takes, below, base, f"{where}.{key}")
        faults += value_faults
    return fitted, faults


def _makes_the_same(made_by: Callable[..., Any], below: Below, base: type, where: str) -> bool:
    """Whether the group below names the same class, maybe by another path."""
    target = below.node.get("_target_")
    if target in (None, _MISSING):
        return False
    try:
        return checked(target, base, where, is_part=True) is made_by
    except HyperoptError:
        return False


def _falls_away(key: str, value: object, takes: Signature, below: Below) -> bool:
    """Whether a field of the group below is dropped, because another class does not accept it."""
    if not below.has(key, value):
        return False
    if key not in takes.parameters:
        return True
    own = takes.parameters[key].default
    # The class has a default of its own, which the group's shall not replace, unless the user means just that value.
    return bool(key in below.node and own != value and not below.is_written(key))


def _unknown(key: str, node: Node, takes: Signature, where: str) -> str:
    names = list(takes.parameters)
    known = f"it takes {', '.join(names)}" if names else "it takes none"
    return f"{where}.{key}: {node_name(node['_target_'])} has no such field{did_you_mean(key, names)}; {known}"


def _value(
    key: str, value: Any, made_by: Callable[..., Any], takes: Signature, below: Below, base: type, where: str
) -> tuple[Any, list[str]]:
    """Return the value of a field: nodes in it are fitted too, and Optuna's plain types are kept."""
    own = key in takes.parameters and not is_foreign(made_by)
    annotation = getattr(takes.parameters[key].annotation, "__name__", takes.parameters[key].annotation) if own else ""
    if isinstance(value, (Mapping, list)) and {*str(annotation).split(" | ")} <= {*_PLAIN, "None"}:
        return _plain_value(value, str(annotation), where)
    is_node = isinstance(value, Mapping) and "_target_" in value
    if str(annotation).startswith(("BasePruner", "BaseSampler")) and not (value is None or is_node):
        return value, [f"{where}: {value!r} is not a node; write a mapping with _target_"]
    if isinstance(value, Mapping):
        inner = below.node.get(key)
        if "_target_" in value:
            part = {str(name): inner for name, inner in value.items()}
            return _fit(part, Below(inner if isinstance(inner, Mapping) else {}), base, where, is_part=True)
        parts = {
            name: _value(str(name), item, made_by, _NONE, Below(), base, f"{where}.{name}")
            for name, item in value.items()
        }
        return {name: part[0] for name, part in parts.items()}, [line for part in parts.values() for line in part[1]]
    if isinstance(value, list):
        items = [_value("", item, made_by, _NONE, Below(), base, f"{where}[{at}]") for at, item in enumerate(value)]
        return [item[0] for item in items], [line for item in items for line in item[1]]
    return (value, []) if not own or below.has(key, value) else _plain_value(value, str(annotation), where)


_NONE = Signature({}, takes_any=True)


def _plain_value(value: Any, annotation: str, where: str) -> tuple[Any, list[str]]:
    """Read a value of a plain type in Optuna's signature as Hydra's schemas read texts."""
    if annotation.startswith("dict[") and not isinstance(value, Mapping):
        return value, [f"{where}: {value!r} is not a mapping; write {{key: value, ...}}"]
    names = annotation.split(" | ")
    if isinstance(value, int) and abs(value) > _MOST and "int" in names:
        return value, [f"{where}: {value} is not allowed; write a whole number of at most {_MOST}"]
    if not set(names) <= {*_PLAIN, "None"} or ("None" if value is None else type(value).__name__) in names:
        return value, []
    for name in names if value is not None else ():
        with contextlib.suppress(ValidationError, KeyError):
            return _PLAIN[name]().validate_and_convert(value), []
    return value, [f"{where}: {value!r} is not allowed; write a value of the type {annotation}"]
