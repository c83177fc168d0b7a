# SPDX-License-Identifier: MIT
"""The schemas in Hydra's config store."""

import dataclasses
import pickle
from pathlib import Path

import pytest
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException
from hydra_plugins.hydra_optuna_sweeper.config import OptunaSweeperConf
from omegaconf import OmegaConf

from hyperopt_app.config import store
from hyperopt_app.config.sweeper import AsyncOptunaConf
from tests.unit._made_sweeps import made_sweep, sweeper_node, write_configs

STOCK = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
OURS = "hydra_plugins.hyperopt_app.sweeper.AsyncOptunaSweeper"


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


def test_the_stock_class_in_a_users_file_means_ours(tmp_path: Path) -> None:
    """The text of `_target_` is an alias: in the sweep, in each job, in what is written, and after a pickle."""
    text = (
        f"defaults: [_self_, {{override hydra/sweeper: async_optuna}}]\nx: 1\nhydra: {{sweeper: {{_target_: {STOCK}}}}}"
    )
    context, config = made_sweep(write_configs(tmp_path, {"config": text}))
    job = context.config_loader.load_sweep_config(config, ["x=2"])
    for node in (config.hydra.sweeper, job.hydra.sweeper, pickle.loads(pickle.dumps(config)).hydra.sweeper):
        assert node._target_ == OURS
        assert f"_target_: {OURS}\n" in OmegaConf.to_yaml(node)
    sweeper = Plugins.instance().instantiate_sweeper(
        hydra_context=context, task_function=lambda _config: None, config=config
    )
    assert type(sweeper).__name__ == "AsyncOptunaSweeper"


def test_the_stock_sweeper_stays_the_stock_sweeper(tmp_path: Path) -> None:
    """Where a config chooses `optuna`, the same line keeps its meaning."""
    text = f"defaults: [_self_, {{override hydra/sweeper: optuna}}]\nhydra: {{sweeper: {{_target_: {STOCK}}}}}"
    _, config = made_sweep(write_configs(tmp_path, {"config": text}))
    assert config.hydra.sweeper._target_ == STOCK


def test_another_class_is_refused_with_those_that_are_known() -> None:
    """A class of somebody else's wants a schema of its own."""
    with pytest.raises(ConfigCompositionException) as raised:
        sweeper_node("hydra.sweeper._target_=my.Sweeper")
    assert OURS in str(raised.value.__cause__)
