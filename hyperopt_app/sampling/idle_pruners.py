# SPDX-License-Identifier: MIT
"""Detect from the config alone that a pruner or a sampler has nothing to act on, or does harm. Creates neither."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner, PercentilePruner, SuccessiveHalvingPruner
from optuna.samplers import TPESampler

from hyperopt_app.sampling.curves.sampler import CurvesSampler
from hyperopt_app.sampling.promotion import PromotePruner
from hyperopt_app.sampling.targets import made_class, node_name

__all__ = ["classes_in", "idle_pruner", "idle_sampler", "optimised_in_turn", "pruned_by_part", "pruner_name"]

_KEY = "hydra.sweeper.pruner"


def pruner_name(node: Mapping[str, Any]) -> str | None:
    """Return the pruner's name; None if there is none that could act."""
    return None if made_class(node) is NopPruner else node_name(node["_target_"]).rpartition(".")[2]


def idle_pruner(
    sampler: Mapping[str, Any], pruner: Mapping[str, Any], directions: int, *, is_hydras: bool = True
) -> dict[str, str]:
    """Return warnings about the pruner before anything starts, by kind; empty if there are none.

    Args:
        sampler: The fitted `hydra.sweeper.sampler`.
        pruner: The fitted `hydra.sweeper.pruner`.
        directions: How many values are optimised.
        is_hydras: Whether the user wrote them as Hydra groups, and can choose others; the original's files have what
            their study has.
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
    return _harm(sampler, pruner, is_hydras=is_hydras)


def pruned_by_part(pruner: Mapping[str, Any], sum_of_metrics: str = "") -> dict[str, str]:
    """Return a warning, by its kind, that a pruner judges reports where a weighted sum is optimised; else empty.

    Args:
        pruner: The fitted `hydra.sweeper.pruner`.
        sum_of_metrics: The sum as text; empty where none is optimised.
    """
    if not sum_of_metrics or pruner_name(pruner) is None:
        return {}
    return {
        "weights": "hydra.sweeper.weights: trials are pruned by what the objective reports; let it report "
        f"{sum_of_metrics}, or take hydra/sweeper/pruner=nop"
    }


def optimised_in_turn(order: Sequence[Mapping[str, Any]], pruner: Mapping[str, Any]) -> dict[str, str]:
    """Return what sampler and pruner go by where the best is chosen by metrics in turn, by its kind; else empty.

    Args:
        order: The metrics with their directions and tolerances, the optimised one first; empty for none.
        pruner: The fitted `hydra.sweeper.pruner`.
    """
    if not order:
        return {}
    first, best = order[0]["metric"], "lowest" if order[0]["direction"] == "minimize" else "highest"
    near = f"within {order[0]['tolerance']:g} of the {best}" if order[0]["tolerance"] else f"that share the {best}"
    pruned = f" and prunes by what the objective reports, so let it report {first}" if pruner_name(pruner) else ""
    rest = ", then ".join(step["metric"] for step in order[1:])
    return {
        "order": f"hydra.sweeper.order: the search optimises {first}{pruned}; of the trials {near} {first}, the best "
        f"is chosen by {rest}"
    }


def idle_sampler(sampler: Mapping[str, Any], directions: int) -> dict[str, str]:
    """Return a warning, by its kind, if the sampler has nothing to learn from; empty if it has."""
    if directions == 1 or made_class(sampler) is not CurvesSampler:
        return {}
    return {
        "sampler": f"hydra.sweeper.sampler: CurvesSampler samples as async_tpe here, since hydra.sweeper.direction has "
        f"{directions} directions, for which no learning curve is recorded; optimise one, or take "
        "hydra/sweeper/sampler=auto"
    }


def _harm(sampler: Mapping[str, Any], pruner: Mapping[str, Any], *, is_hydras: bool) -> dict[str, str]:
    """Warn of a pruner that misleads TPE."""
    if not any(issubclass(kind, TPESampler) for kind in classes_in(sampler)):
        return {}
    from_the_first = made_class(pruner) in (MedianPruner, PercentilePruner) and not pruner.get("n_warmup_steps")
    if from_the_first and is_hydras:
        name = node_name(pruner["_target_"]).rpartition(".")[2]
        return {
            "pruner": f"{_KEY}: {name} judges from the first report on, and beside TPE many searches then miss the "
            "best; set n_warmup_steps to about a twentieth of a full training, or take hydra/sweeper/sampler=auto and "
            "hydra/sweeper/pruner=auto"
        }
    harmful = (HyperbandPruner, SuccessiveHalvingPruner, PromotePruner)
    halving = next((kind for kind in classes_in(pruner) if issubclass(kind, harmful)), None)
    if halving is None:
        return {}
    return {
        "pruner": f"{_KEY}: {halving.__name__} does harm beside TPE, which ranks complete trials above pruned ones and "
        "exploits the early survivors of empty rungs; take hydra/sweeper/sampler=random with it, or "
        "hydra/sweeper/pruner=auto with hydra/sweeper/sampler=auto"
    }


def classes_in(node: Any) -> Iterator[type]:
    """Yield the classes that a node and the nodes inside it name."""
    if not isinstance(node, Mapping):
        return
    made = made_class(node)
    if isinstance(made, type):
        yield made
    for value in node.values():
        yield from classes_in(value)
