# SPDX-License-Identifier: MIT
"""The schemas in Hydra's config store."""

import dataclasses
import pickle
from pathlib import Path

import pytest
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException
from hydra_plugins.hydra_optuna_sweeper import config as upstream
from hydra_plugins.hydra_optuna_sweeper.config import OptunaSweeperConf
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError

from hyperopt_app.config import store
from hyperopt_app.config.methods import AsyncTPESamplerConf
from hyperopt_app.config.sweeper import AsyncOptunaConf
from tests.unit._made_sweeps import made_sweep, sweeper_node, write_configs

STOCK_CLASS = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
OURS = "hydra_plugins.hyperopt_app.sweeper.AsyncOptunaSweeper"
STOCK: dict[str, type] = {
    "tpe": upstream.TPESamplerConfig,
    "random": upstream.RandomSamplerConfig,
    "cmaes": upstream.CmaEsSamplerConfig,
    "nsgaii": upstream.NSGAIISamplerConfig,
    "nsgaiii": upstream.NSGAIIISamplerConfig,
    "motpe": upstream.MOTPESamplerConfig,
    "grid": upstream.GridSamplerConfig,
    "gp": upstream.GPSamplerConfig,
    "qmc": upstream.QMCSamplerConfig,
}


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


@pytest.mark.parametrize("override", ["hydra.sweeper.n_trails=3", "hydra.sweeper.n_trials=many"])
def test_a_wrong_field_fails_when_the_config_is_composed(override: str) -> None:
    """A misspelt name or a wrong type is refused by the schema, before any code of ours.

    Fields of a sampler or a pruner are the class's own, so driver/test_methods.py has those.
    """
    with pytest.raises(ConfigCompositionException):
        sweeper_node(override)


def test_the_stock_class_in_a_users_file_means_ours(tmp_path: Path) -> None:
    """The text of `_target_` is an alias: in the sweep, in each job, in what is written, and after a pickle."""
    chosen = "defaults: [_self_, {override hydra/sweeper: async_optuna}]\nx: 1"
    text = f"{chosen}\nhydra: {{sweeper: {{_target_: {STOCK_CLASS}}}}}"
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
    text = f"defaults: [_self_, {{override hydra/sweeper: optuna}}]\nhydra: {{sweeper: {{_target_: {STOCK_CLASS}}}}}"
    _, config = made_sweep(write_configs(tmp_path, {"config": text}))
    assert config.hydra.sweeper._target_ == STOCK_CLASS


def test_another_class_is_refused_with_those_that_are_known() -> None:
    """A class of somebody else's wants a schema of its own."""
    with pytest.raises(ConfigCompositionException) as raised:
        sweeper_node("hydra.sweeper._target_=my.Sweeper")
    assert OURS in str(raised.value.__cause__)


def _composed(tmp_path: Path, sweeper: str, sampler: str, written: str) -> DictConfig:
    defaults = (
        f"defaults: [_self_, {{override hydra/sweeper: {sweeper}}}, {{override hydra/sweeper/sampler: {sampler}}}]"
    )
    text = f"{defaults}\nhydra: {{sweeper: {{sampler: {written}}}}}\n"
    return made_sweep(write_configs(tmp_path, {"config": text}))[1]


@pytest.mark.parametrize("group", [*STOCK, "async_tpe"])
def test_a_file_may_add_keys_to_any_group_under_our_sweeper(tmp_path: Path, group: str) -> None:
    """Also to upstream's, which are dataclasses."""
    config = _composed(tmp_path, "async_optuna", group, "{_target_: mine.Sampler, width: 3}")
    assert (config.hydra.sweeper.sampler.width, config.hydra.sweeper.sampler["_target_"]) == (3, "mine.Sampler")


@pytest.mark.parametrize("group", [*STOCK, "async_tpe"])
def test_upstreams_groups_are_as_upstream_left_them_under_its_sweeper(tmp_path: Path, group: str) -> None:
    """Its sweeper composes what its dataclass says, and refuses what it does not know as before."""
    config = _composed(tmp_path, "optuna", group, "{}")
    schema = STOCK.get(group, AsyncTPESamplerConf)
    assert config.hydra.sweeper.sampler == OmegaConf.structured(schema)
    with pytest.raises((ConfigKeyError, ConfigCompositionException)):
        _composed(tmp_path, "optuna", group, "{width: 3}")


def test_our_groups_ask_for_no_type(tmp_path: Path) -> None:
    """A class that is named over it may have a field of the same name and another type."""
    written = "{_target_: mine.Sampler, group: some, n_startup_trials: 0.5}"
    sampler = _composed(tmp_path, "async_optuna", "async_tpe", written).hydra.sweeper.sampler
    assert (sampler.group, sampler.n_startup_trials) == ("some", 0.5)


def test_what_opens_the_groups_is_no_option_of_the_sweeper(tmp_path: Path) -> None:
    """Hydra lists the options in its errors and its help."""
    context, _ = made_sweep(write_configs(tmp_path, {"config": "x: 1"}))
    assert {"async_optuna", "optuna"} <= set(context.config_loader.get_group_options("hydra/sweeper"))
    assert not [one for one in context.config_loader.get_group_options("hydra/sweeper") if "open" in one]


def test_stored_nodes_are_plain_copies() -> None:
    """Everybody's, by name; none of a group that nobody has made."""
    nodes = store.stored_nodes("hydra/sweeper/sampler")
    assert {*STOCK, "async_tpe", "brute_force", "partial_fixed"} <= nodes.keys()
    nodes["random"]["seed"] = 3
    assert store.stored_nodes("hydra/sweeper/sampler")["random"]["seed"] is None
    assert store.stored_nodes("hydra/not_there") == {}
