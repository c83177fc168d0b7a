# SPDX-License-Identifier: MIT
"""What the configuration tells of a pruner that cannot act."""

from typing import Any

import pytest

from hyperopt_app.sampling.idle_pruners import idle_pruner, idle_sampler, optimised_in_turn, pruner_name


def node(path: str, **fields: Any) -> dict[str, Any]:
    return {"_target_": f"optuna.{path}", **fields}


NOP, MEDIAN, HYPERBAND = (node(f"pruners.{name}Pruner") for name in ("Nop", "Median", "Hyperband"))
PROMOTE = {"_target_": "hyperopt_app.sampling.promotion.PromotePruner"}
TPE, RANDOM = node("samplers.TPESampler"), node("samplers.RandomSampler")


@pytest.mark.parametrize(
    ("sampler", "pruner", "directions", "words"),
    [
        (TPE, NOP, 2, ""),
        (TPE, MEDIAN, 1, "MedianPruner judges from the first report on"),
        (TPE, {**MEDIAN, "n_warmup_steps": 3}, 1, ""),
        (RANDOM, MEDIAN, 1, ""),
        (RANDOM, HYPERBAND, 1, ""),
        (TPE, MEDIAN, 2, "MedianPruner never ends"),
        (TPE, HYPERBAND, 1, "HyperbandPruner does harm"),
        (TPE, PROMOTE, 1, "PromotePruner does harm"),
        (RANDOM, PROMOTE, 1, ""),
        (node("samplers.PartialFixedSampler", base_sampler=TPE, fixed_params={}), HYPERBAND, 1, "does harm"),
        (TPE, node("pruners.PatientPruner", wrapped_pruner=HYPERBAND, patience=1), 1, "HyperbandPruner does harm"),
    ],
    ids=[
        "none",
        "from the first",
        "later",
        "beside random",
        "at random",
        "several",
        "harm",
        "promotion",
        "promotion beside random",
        "sampler inside",
        "pruner inside",
    ],
)
def test_what_is_said_before_anything_starts(
    sampler: dict[str, Any], pruner: dict[str, Any], directions: int, words: str
) -> None:
    """One line, or nothing."""
    told = idle_pruner(sampler, pruner, directions)
    assert bool(told) is bool(words)
    assert all(words in text for text in told.values())


def test_a_sampler_of_curves_has_none_of_several_objectives() -> None:
    """Any other sampler is left alone, and so is this one with one objective."""
    curves = {"_target_": "hyperopt_app.sampling.curves.sampler.CurvesSampler"}
    assert "samples as async_tpe here" in idle_sampler(curves, 2)["sampler"]
    assert idle_sampler(curves, 1) == idle_sampler(TPE, 2) == {}


def test_a_pruner_is_called_by_its_class() -> None:
    """Only one that could act has a name."""
    assert [pruner_name(one) for one in (NOP, MEDIAN)] == [None, "MedianPruner"]


def test_an_order_says_what_is_optimised() -> None:
    """And what to report where something prunes; nothing without an order."""
    order = [
        {"metric": "accuracy", "direction": "maximize", "tolerance": 0.01},
        {"metric": "latency_ms", "direction": "minimize", "tolerance": 5.0},
        {"metric": "size", "direction": "minimize", "tolerance": 0.0},
    ]
    nop = {"_target_": "optuna.pruners.NopPruner"}
    plain = "hydra.sweeper.order: the search optimises accuracy; of the trials within 0.01 of the highest accuracy, "
    assert optimised_in_turn(order, nop) == {"order": f"{plain}the best is chosen by latency_ms, then size"}
    pruned = optimised_in_turn(order, {"_target_": "optuna.pruners.MedianPruner"})["order"]
    assert "optimises accuracy and prunes by what the objective reports, so let it report accuracy; of the" in pruned
    assert "of the trials that share the lowest size, the best" in optimised_in_turn([order[2], order[0]], nop)["order"]
    assert optimised_in_turn((), nop) == {}
