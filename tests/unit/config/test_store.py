# SPDX-License-Identifier: MIT
"""The schemas in Hydra's config store."""

import dataclasses

import pytest
from hydra.errors import ConfigCompositionException
from hydra_plugins.hydra_optuna_sweeper.config import OptunaSweeperConf

from hyperopt_app.config import store
from hyperopt_app.config.sweeper import AsyncOptunaConf
from tests.unit._made_sweeps import sweeper_node


def test_the_schema_has_every_field_of_hydra_optuna_sweeper() -> None:
    """What works under `hydra/sweeper: optuna` works with the name changed."""
    ours = {field.name for field in dataclasses.fields(AsyncOptunaConf)}
    assert {field.name for field in dataclasses.fields(OptunaSweeperConf)} < ours


@pytest.mark.parametrize("node", [node for _, _, node in store._NODES], ids=lambda node: node.__name__)
def test_every_schema_says_what_it_is(node: type) -> None:
    """The registered nodes are documented dataclasses with a target."""
    assert dataclasses.is_dataclass(node)
    assert node.__doc__
    assert next(field for field in dataclasses.fields(node) if field.name == "_target_").default


def test_registering_twice_changes_nothing() -> None:
    """A worker gets the driver's store before it discovers the plugins itself."""
    before = sweeper_node()
    store.register()
    assert sweeper_node() == before


@pytest.mark.parametrize(
    "override", ["hydra.sweeper.n_trails=3", "hydra.sweeper.sampler.sed=1", "hydra.sweeper.n_trials=many"]
)
def test_a_wrong_field_fails_when_the_config_is_composed(override: str) -> None:
    """A misspelt name or a wrong type is refused by the schema, before any code of ours."""
    with pytest.raises(ConfigCompositionException):
        sweeper_node(override)
