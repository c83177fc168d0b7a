# SPDX-License-Identifier: MIT
"""The methods that are compared, by name: a sampler and a pruner, as an application's config would name them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import optuna

from benchmarks.search.knowledge import KNOWLEDGE, Known
from benchmarks.search.problem import Problem
from benchmarks.search.promotion import Halving, ParkedAsPruned
from benchmarks.search.simulation import SamplerOf, Search
from hyperopt_app.sampling.promotion import PromotePruner
from hyperopt_app.sampling.samplers import build_pruner, sampler_factory

__all__ = ["METHODS", "Method", "search"]

Node = Mapping[str, Any]


class Method(NamedTuple):
    """A method.

    Attributes:
        what: One line for the help.
        sampler: As `hydra.sweeper.sampler`.
        pruner: As `hydra.sweeper.pruner`.
        is_batch: Whether all workers wait for the slowest, and TPE lives as long as the study.
        knows: What is known before the first trial, one of KNOWLEDGE; empty for nothing.
    """

    what: str
    sampler: Node
    pruner: Node
    is_batch: bool = False
    knows: str = ""


_TPE: Node = {"_target_": "optuna.samplers.TPESampler", "constant_liar": True}
_STOCK_TPE: Node = {"_target_": "optuna.samplers.TPESampler", "multivariate": False, "constant_liar": False}
_JOINT_TPE: Node = {"_target_": "optuna.samplers.TPESampler", "constant_liar": False}
_RANDOM: Node = {"_target_": "optuna.samplers.RandomSampler"}
_NOP: Node = {"_target_": "optuna.pruners.NopPruner"}
_MEDIAN: Node = {"_target_": "optuna.pruners.MedianPruner"}
_HALVING: Node = {
    "_target_": "optuna.pruners.SuccessiveHalvingPruner",
    "min_resource": 3,
    "reduction_factor": 3,
}


_CURVES: Node = {"_target_": "hyperopt_app.sampling.curves.sampler.CurvesSampler"}
_FORECAST: Node = {"_target_": "hyperopt_app.sampling.curves.forecast.ForecastPruner"}
_PROMOTE: Node = {"_target_": "hyperopt_app.sampling.promotion.PromotePruner"}

METHODS = {
    "batch-tpe": Method("hydra-optuna-sweeper: its TPE, and all workers wait for the slowest", _STOCK_TPE, _NOP, True),
    "batch-tpe-joint": Method("as batch-tpe, with TPE's own default `multivariate`", _JOINT_TPE, _NOP, True),
    "async-tpe": Method("sampler async_tpe, no pruner", _TPE, _NOP),
    "async-tpe-median": Method("sampler async_tpe, pruner median with its defaults", _TPE, _MEDIAN),
    "tpe-median": Method("sampler tpe, pruner median with its defaults", _STOCK_TPE, _MEDIAN),
    "tpe-sha": Method("sampler async_tpe, successive halving from step 3 by 3", _TPE, _HALVING),
    "random": Method("random points, no pruner", _RANDOM, _NOP),
    "random-sha": Method("random points, successive halving from step 3 by 3", _RANDOM, _HALVING),
    "curves": Method("sampler curves, no pruner", _CURVES, _NOP),
    "curves-sha": Method("sampler curves, successive halving from step 3 by 3", _CURVES, _HALVING),
    "curves-forecast": Method("sampler curves, pruner forecast", _CURVES, _FORECAST),
    "curves-promote": Method("sampler curves, pruner promote", _CURVES, _PROMOTE),
    "curves-promote-0": Method("the same from the first report on", _CURVES, {**_PROMOTE, "first_rung": 0}),
    "tpe-promote": Method("sampler async_tpe, pruner promote", _TPE, _PROMOTE),
    "random-promote": Method("random points, pruner promote", _RANDOM, _PROMOTE),
    **{
        f"curves-{name}": Method(f"curves-forecast that knows: {what.what}", _CURVES, _FORECAST, knows=name)
        for name, what in KNOWLEDGE.items()
    },
}


def search(method: Method, problems: Sequence[Problem], at: int, seed: int, workers: int) -> Search:
    """Make the samplers and the pruner of a search; each worker has its own, as in a study.

    Args:
        method: The method.
        problems: Of the family.
        at: The index of the one that is searched.
        seed: Of the search.
        workers: How many.
    """
    if method.is_batch:
        options = {key: value for key, value in method.sampler.items() if key != "_target_"}
        sampler = optuna.samplers.TPESampler(seed=seed, **options)
        return Search(lambda _worker, _number: sampler, build_pruner(method.pruner), is_batch=True)
    known = KNOWLEDGE[method.knows].of(problems, at, seed) if method.knows else Known({}, ())
    factories = [sampler_factory({**method.sampler, **known.settings}, seed) for _ in range(workers)]
    sampler_of: SamplerOf = lambda worker, number: factories[worker](number)  # noqa: E731
    pruner = build_pruner(method.pruner)
    if not isinstance(pruner, PromotePruner):
        return Search(sampler_of, pruner, first=known.first)
    promotion = Halving(pruner)
    return Search(
        lambda worker, number: ParkedAsPruned(sampler_of(worker, number), promotion.parked),
        optuna.pruners.NopPruner(),
        promotion,
    )
