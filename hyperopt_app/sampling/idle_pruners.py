# SPDX-License-Identifier: MIT
"""Detect from the config alone that a pruner can never act, or does harm. Creates no pruner."""

from collections.abc import Iterator, Mapping
from typing import Any

from optuna.pruners import HyperbandPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import TPESampler

from hyperopt_app.sampling.targets import made_class, node_name

__all__ = ["idle_pruner", "pruner_name"]

_KEY = "hydra.sweeper.pruner"


def pruner_name(node: Mapping[str, Any]) -> str | None:
    """Return the pruner's name; None if there is none that could act."""
    return None if made_class(node) is NopPruner else node_name(node["_target_"]).rpartition(".")[2]


def idle_pruner(sampler: Mapping[str, Any], pruner: Mapping[str, Any], directions: int) -> dict[str, str]:
    """Return warnings about the pruner before anything starts, by kind; empty if there are none.

    Args:
        sampler: The fitted `hydra.sweeper.sampler`.
        pruner: The fitted `hydra.sweeper.pruner`.
        directions: How many values are optimised.
    """
    name = pruner_name(pruner)
    if name is None:
        return {}
    if directions > 1:
        return {
            "pruner": f"{_KEY}: {name} never ends a trial here, since hydra.sweeper.direction has {directions} "
            "directions and a trial is pruned by the curve of one value; optimise one, or take "
            "hydra/sweeper/pruner=nop"
        }
    halving = next(
        (kind for kind in _classes(pruner) if issubclass(kind, (HyperbandPruner, SuccessiveHalvingPruner))), None
    )
    if halving is None or not any(issubclass(kind, TPESampler) for kind in _classes(sampler)):
        return {}
    return {
        "pruner": f"{_KEY}: {halving.__name__} does harm beside TPE, which ranks complete trials above pruned ones and "
        "exploits the early survivors of empty rungs; take hydra/sweeper/sampler=random with it, or "
        "hydra/sweeper/pruner=median"
    }


def _classes(node: Any) -> Iterator[type]:
    """Yield the classes that a node and the nodes inside it name."""
    if not isinstance(node, Mapping):
        return
    made = made_class(node)
    if isinstance(made, type):
        yield made
    for value in node.values():
        yield from _classes(value)
