# SPDX-License-Identifier: MIT
"""Report keys of `hydra.sweeper` and `hydra.launcher` that nothing reads, and values that cannot be read.

Hydra's schemas reject unknown keys in files, but `+hydra.sweeper.foo=1` on a command line bypasses them.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hyperopt_app.config.launchers import SCHEMAS, schema_of
from hyperopt_app.config.sweeper import AsyncOptunaConf
from hyperopt_app.support.display_text import did_you_mean, visible

__all__ = ["not_numbers", "nothing_chosen", "sweeper_fields", "unknown_keys", "unreadable"]

# Beside the sweeper and the launcher; what stands in `subdir` has no value before a job runs.
_READ = ("hydra.sweeper", "hydra.launcher", "hydra.sweep.dir", "hydra.job.name")
# Keys of Hydra's own that are fields of ours, too.
_HYDRAS = {"sweeper", "launcher"}
# What gives a trial several GPUs or processes, where a launcher can do that.
_RANKS = ("gpus_per_trial", "nodes_per_trial", "ranks_per_node")
# Where launchers of Hydra's own stand; what those of other packages have, only they know.
_HYDRAS_LAUNCHERS = ("hydra._internal.", "hydra_plugins.hydra_")


def sweeper_fields() -> tuple[str, ...]:
    """The names of the sweeper's fields."""
    return tuple(field.name for field in fields(AsyncOptunaConf) if field.name != "defaults")


def unknown_keys(config: DictConfig) -> list[str]:
    """Report keys of the sweeper or of our launchers that are not fields, and fields beside these sections."""
    hydra, ours = config.hydra, sweeper_fields()
    launcher = _launcher_fields(hydra)
    known: dict[str, tuple[str, ...]] = {"sweeper": ours, "launcher": launcher}
    faults = [*_unknown("sweeper", hydra.sweeper, known)]
    faults += _of_ranks(hydra, launcher)
    if launcher:  # of another launcher's fields we know nothing, and of `detach` it is said who has it
        keys = [key for key in hydra.launcher if key != "detach" and key not in _RANKS]
        faults += _unknown("launcher", keys, known)
    known |= {f"sweeper.{group}": _keys(hydra.sweeper, group) for group in ("sampler", "pruner")}
    for key in hydra:
        place = next((node for node, names in known.items() if key in names), None)
        if place is not None and key not in _HYDRAS:
            faults.append(f"hydra.{key}: nothing reads it here; {key} is a field of hydra.{place}: {_way(place, key)}")
    return faults


def _keys(node: DictConfig, key: str) -> tuple[str, ...]:
    return tuple(map(str, node[key])) if OmegaConf.is_dict(node[key]) else ()


def _of_ranks(hydra: DictConfig, launcher: tuple[str, ...]) -> Iterator[str]:
    """Say who has the fields by which a trial gets several processes, where the chosen launcher has none."""
    if not launcher and not _launcher_target(hydra).startswith(_HYDRAS_LAUNCHERS):
        return
    for key in _RANKS:
        if key in hydra.launcher and key not in launcher:
            owners = [name for name, schema in SCHEMAS.items() if key in schema.__dataclass_fields__]
            verb = "has" if len(owners) == 1 else "have"
            yield (
                f"hydra.launcher.{key}: this launcher gives a trial no GPUs or processes in this way; "
                f"{', '.join(owners)} {verb} the field: choose hydra/launcher={owners[0]}, or remove it"
            )


def _launcher_target(hydra: DictConfig) -> str:
    target = OmegaConf.to_container(hydra, resolve=False).get("launcher")  # type: ignore[union-attr]
    return str(target.get("_target_") if isinstance(target, Mapping) else "")


def _launcher_fields(hydra: DictConfig) -> tuple[str, ...]:
    schema = schema_of(_launcher_target(hydra))
    return () if schema is None else tuple(field.name for field in fields(schema))


def _unknown(place: str, node: Iterable[Any], known: Mapping[str, Collection[str]]) -> Iterator[str]:
    for key in (str(key) for key in node):
        if key in known[place]:
            continue
        where = f"hydra.{place}.{visible(key)}"
        other = next((node for node, names in known.items() if key in names), None)
        if other is not None:
            yield f"{where}: {key} is a field of hydra.{other}; {_way(other, key)}"
            continue
        near = did_you_mean(key, tuple(known[place]))
        yield f"{where}: the {place} has no such field{near}; correct the name, or remove it"


def _way(place: str, key: str) -> str:
    return f"write hydra.{place}.{key}=..."


def unreadable(config: DictConfig) -> list[str]:
    """Report values that refer to something missing, or cannot be resolved."""
    faults = list[str]()
    for path in _READ:
        parent, _, key = path.rpartition(".")
        faults += _unreadable(path, OmegaConf.select(config, parent), key)
    return faults


def _unreadable(path: str, parent: Any, key: Any) -> Iterator[str]:
    if OmegaConf.is_missing(parent, key):
        return
    try:
        value = parent[key]
        if OmegaConf.is_interpolation(parent, key):
            if OmegaConf.is_config(value):  # which may refer to others in turn
                OmegaConf.to_container(value, resolve=True)
            return
    except (OmegaConfBaseException, ValueError) as error:
        raw = OmegaConf.to_container(parent, resolve=False)[key]  # type: ignore[index]
        reason = str(error).splitlines()[0]
        yield f"{path}: {visible(str(raw))} cannot be resolved ({reason}); correct what it refers to"
        return
    if isinstance(value, DictConfig):
        for name in value:
            yield from _unreadable(".".join((path, str(name))), value, name)
    elif isinstance(value, ListConfig):
        for at in range(len(value)):
            yield from _unreadable(f"{path}[{at}]", value, at)


def nothing_chosen(config: DictConfig) -> list[str]:
    """An error if no launcher is configured."""
    node = config.hydra.launcher
    if OmegaConf.is_dict(node) and node.get("_target_"):
        return []
    key, came = (
        ("hydra.launcher._target_", node.get("_target_")) if OmegaConf.is_dict(node) else ("hydra.launcher", node)
    )
    return [f"{key}: {came!r} is not a launcher; choose one with hydra/launcher=..., e.g. local_workers"]


def not_numbers(node: Any, where: str) -> list[str]:
    """Report each NaN, which no setting can use and which Hydra takes for a change of the config."""
    if isinstance(node, Mapping):
        return [fault for key, value in node.items() for fault in not_numbers(value, f"{where}.{key}")]
    if isinstance(node, (list, tuple)):
        return [fault for at, value in enumerate(node) for fault in not_numbers(value, f"{where}[{at}]")]
    if isinstance(node, float) and math.isnan(node):
        return [f"{where}: nan is not allowed; write a number"]
    return []
