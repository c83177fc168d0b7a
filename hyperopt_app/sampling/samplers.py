# SPDX-License-Identifier: MIT
"""Create the sampler of each trial, seeded by the trial's number, and the pruner, from their config nodes.

Each trial gets its own Optuna sampler, seeded from the study's seed and the trial's number. So no two workers draw
the same numbers, and a sequential study is reproducible, also after a resume.

A sampler from another package may keep state, so it is built once per worker. Its seed is that of the first trial for
which the worker uses it: workers start with different trials, a study with one worker starts with trial 0 and is
reproducible, and a resumed study does not repeat its first points, as it would if seeded by the worker's number.
"""

from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from hyperopt_app.sampling.curves.sampler import CurvesSampler
from hyperopt_app.sampling.failure_aware_tpe import failure_aware
from hyperopt_app.sampling.recipes import Recipe, built, recipe_of
from hyperopt_app.sampling.seeds import trial_seed
from hyperopt_app.sampling.targets import made_class

__all__ = [
    "build_pruner",
    "is_grid",
    "lists_points",
    "sampler_factory",
    "supports_directions",
    "takes_knowledge",
    "with_tree",
]

_SAMPLER, _PRUNER = "hydra.sweeper.sampler", "hydra.sweeper.pruner"

# These share one sequence or one shuffled list among all workers: it is the seed that makes it the same everywhere.
_ONE_SEED_FOR_ALL = (optuna.samplers.QMCSampler, optuna.samplers.GridSampler, CurvesSampler)


def is_grid(node: Mapping[str, Any]) -> bool:
    """Whether the config names Optuna's grid; our tickets contain the grid's points themselves."""
    return made_class(node) is optuna.samplers.GridSampler


def lists_points(node: Mapping[str, Any], custom_search_space: str | None) -> bool:
    """Whether the tickets can list every point of the space in advance, so that no two workers try the same.

    Brute force over a space that a user's function extends is left to Optuna: the points are not known before.
    """
    is_brute_force = made_class(node) is optuna.samplers.BruteForceSampler
    return is_grid(node) or (is_brute_force and custom_search_space is None)


def takes_knowledge(node: Mapping[str, Any]) -> bool:
    """Whether the sampler learns from a prior and from earlier studies; any other only begins with their points."""
    return made_class(node) is CurvesSampler


def with_tree(node: Mapping[str, Any], tree: Mapping[str, Any], directions: int) -> Mapping[str, Any]:
    """Return a sampler's node that knows which parameters not every trial has, where its class can use that.

    TPE models the parameters of each branch together then, and not each by itself.

    Args:
        node: The fitted node.
        tree: Such parameters, as `Space.tree` has them.
        directions: How many values are optimised.
    """
    cls = made_class(node) if tree else None
    if cls is CurvesSampler:
        return {**node, "conditions": dict(tree)}
    if cls is optuna.samplers.TPESampler and directions == 1 and node.get("multivariate") is not False:
        return {**node, "multivariate": True, "group": True}
    return node


def supports_directions(node: Mapping[str, Any], directions: int) -> bool:
    """Whether the sampler can optimise that many objectives at once."""
    cls = made_class(node)
    return directions == 1 or not (isinstance(cls, type) and issubclass(cls, optuna.samplers.CmaEsSampler))


def sampler_factory(node: Mapping[str, Any], study_seed: int) -> Callable[[int], BaseSampler]:
    """Return a function from trial number to sampler. Runs in the driver (as a check) and in workers.

    Args:
        node: The fitted `hydra.sweeper.sampler` as plain data.
        study_seed: The study's seed.

    Raises:
        HyperoptError: The class does not exist, is not a sampler, or if Optuna's, refuses an argument. A sampler that
            is not Optuna's is built when the first sampler is requested, and may raise the same then.
    """
    if is_grid(node):
        return lambda _number: optuna.samplers.RandomSampler(seed=study_seed)
    recipe = recipe_of(node, BaseSampler, _SAMPLER)
    if recipe.is_foreign():
        return _OnePerWorker(recipe, study_seed)
    shared = made_class(node) in _ONE_SEED_FOR_ALL

    def build(number: int) -> BaseSampler:
        seed = study_seed if shared else trial_seed(study_seed, number)
        return failure_aware(built(recipe, BaseSampler, _SAMPLER, seed))

    build(0)
    return build


class _OnePerWorker:
    """One sampler for all trials of a worker, built for its first trial with that trial's seed."""

    def __init__(self, recipe: Recipe, study_seed: int) -> None:
        self._recipe, self._study_seed = recipe, study_seed
        self._sampler: BaseSampler | None = None

    def __call__(self, number: int) -> BaseSampler:
        if self._sampler is None:
            self._sampler = built(self._recipe, BaseSampler, _SAMPLER, trial_seed(self._study_seed, number))
        return self._sampler


def build_pruner(node: Mapping[str, Any], seed: int | None = None) -> BasePruner:
    """Build the pruner that `hydra.sweeper.pruner` names, with a nested `wrapped_pruner`.

    Args:
        node: The fitted node as plain data.
        seed: For a pruner that takes one and for which the user has not written any; none of Optuna's does.

    Raises:
        HyperoptError: The class does not exist, is not a pruner, or refuses an argument.
    """
    recipe = recipe_of(node, BasePruner, _PRUNER)
    pruner: BasePruner = built(recipe, BasePruner, _PRUNER, None if node.get("seed") is not None else seed)
    return pruner
