# SPDX-License-Identifier: MIT
"""Translate samplers and pruners into Hydra config groups, or into files where no group has their arguments."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hyperopt_app.config import methods as own
from hyperopt_app.legacy.reading.pair import Method

__all__ = ["MethodNode", "pruner_node", "sampler_node"]

# Class in Optuna -> config group option and its schema.
_SAMPLERS: dict[str, tuple[str, Any]] = {
    "TPESampler": ("async_tpe", own.AsyncTPESamplerConf),
    "RandomSampler": ("random", own.RandomSamplerConf),
    "GridSampler": ("grid", own.GridSamplerConf),
    "CmaEsSampler": ("cmaes", own.CmaEsSamplerConf),
    "NSGAIISampler": ("nsgaii", own.NSGAIISamplerConf),
    "NSGAIIISampler": ("nsgaiii", own.NSGAIIISamplerConf),
    "QMCSampler": ("qmc", own.QMCSamplerConf),
    "GPSampler": ("gp", own.GPSamplerConf),
    "BruteForceSampler": ("brute_force", own.BruteForceSamplerConf),
    "PartialFixedSampler": ("partial_fixed", own.PartialFixedSamplerConf),
}
_PRUNERS: dict[str, tuple[str, Any]] = {
    "NopPruner": ("nop", own.NopPrunerConf),
    "MedianPruner": ("median", own.MedianPrunerConf),
    "PercentilePruner": ("percentile", own.PercentilePrunerConf),
    "SuccessiveHalvingPruner": ("successive_halving", own.SuccessiveHalvingPrunerConf),
    "HyperbandPruner": ("hyperband", own.HyperbandPrunerConf),
    "ThresholdPruner": ("threshold", own.ThresholdPrunerConf),
    "PatientPruner": ("patient", own.PatientPrunerConf),
    "WilcoxonPruner": ("wilcoxon", own.WilcoxonPrunerConf),
}
_OWN_FILE = "original"


@dataclass(frozen=True)
class MethodNode:
    """A sampler or pruner in the config.

    Attributes:
        option: The option of its config group.
        values: Fields that are set in the config.
        file: The content of a file of its own; empty where a group's schema has all its arguments.
    """

    option: str
    values: Mapping[str, Any] = field(default_factory=dict)
    file: Mapping[str, Any] = field(default_factory=dict)


def sampler_node(method: Method | None) -> MethodNode:
    """Return the sampler without its seed, which is the study's."""
    if method is None:
        return MethodNode("async_tpe")
    arguments = {key: value for key, value in method.arguments.items() if key != "seed"}
    return _node(method.name, arguments, "samplers", _SAMPLERS)


def pruner_node(method: Method | None) -> MethodNode:
    """Return the pruner."""
    return MethodNode("nop") if method is None else _node(method.name, method.arguments, "pruners", _PRUNERS)


def _node(name: str, arguments: Mapping[str, Any], module: str, groups: Mapping[str, tuple[str, Any]]) -> MethodNode:
    option, schema = groups[name]
    known = {schema_field.name: schema_field for schema_field in fields(schema)}
    values = {key: _argument(value, module) for key, value in arguments.items()}
    if set(values) <= set(known):
        return MethodNode(option, values)
    return MethodNode(_OWN_FILE, file={"_target_": f"optuna.{module}.{name}", **values})


def _argument(value: Any, module: str) -> Any:
    """Convert an argument; a method within a method becomes a node too."""
    if isinstance(value, Method):
        inner = {key: _argument(item, module) for key, item in value.arguments.items()}
        return {"_target_": f"optuna.{module}.{value.name}", **inner}
    return value
