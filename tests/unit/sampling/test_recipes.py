# SPDX-License-Identifier: MIT
"""Samplers made from their recipes: what is said meanwhile."""

import warnings
from collections.abc import Iterator

import pytest
from optuna.samplers import BaseSampler, RandomSampler

from hyperopt_app.sampling import recipes
from hyperopt_app.sampling.recipes import built, recipe_of


class Old(RandomSampler):
    """A sampler with an argument that its author takes back."""

    def __init__(self, seed: int | None = None) -> None:
        warnings.warn("`old` is deprecated", FutureWarning, stacklevel=2)
        super().__init__(seed)


@pytest.fixture(autouse=True)
def nothing_said() -> Iterator[None]:
    """As in a new process."""
    before = set(recipes._said)
    recipes._said.clear()
    yield
    recipes._said.clear()
    recipes._said.update(before)


def test_a_warning_is_said_once_in_a_process() -> None:
    """A sampler is made for each trial."""
    recipe = recipe_of({"_target_": f"{__name__}.Old"}, BaseSampler, "hydra.sweeper.sampler")
    with pytest.warns(FutureWarning, match="deprecated"):
        built(recipe, BaseSampler, "hydra.sweeper.sampler", seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        built(recipe, BaseSampler, "hydra.sweeper.sampler", seed=2)


def test_that_a_class_is_experimental_is_never_said() -> None:
    """Whoever names it knows."""
    recipe = recipe_of(
        {
            "_target_": "optuna.samplers.PartialFixedSampler",
            "fixed_params": {},
            "base_sampler": {"_target_": "optuna.samplers.QMCSampler", "warn_asynchronous_seeding": False},
        },
        BaseSampler,
        "s",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(built(recipe, BaseSampler, "s"), BaseSampler)
