# SPDX-License-Identifier: MIT
"""The schemas in Hydra's config store."""

import copy
import dataclasses
import pickle
from pathlib import Path
from typing import Any

import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError

from hyperopt_app.config import store
from hyperopt_app.config.launchers import SlurmWorkersConf
from hyperopt_app.config.methods import SAMPLERS_OF_STOCK
from hyperopt_app.config.sweeper import AsyncOptunaConf
from hyperopt_app.hydra_compat import store_node
from tests.unit._made_sweeps import made_sweep, sweeper_node, write_configs

STOCK_CLASS = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
OURS = "hydra_plugins.hyperopt_app.sweeper.AsyncOptunaSweeper"
STOCK = list(SAMPLERS_OF_STOCK)


def _plain(node: Any) -> dict[str, object]:
    """The fields of a schema without the class that it names."""
    fields = OmegaConf.to_container(OmegaConf.create(node), enum_to_str=True)
    assert isinstance(fields, dict)
    return {str(key): value for key, value in fields.items() if key not in ("_target_", "_recursive_", "defaults")}


@pytest.mark.stock
def test_the_schema_has_every_field_of_hydra_optuna_sweeper() -> None:
    """What works under `hydra/sweeper: optuna` works with the name changed."""
    from hydra_plugins.hydra_optuna_sweeper.config import OptunaSweeperConf

    ours, stock = _plain(AsyncOptunaConf), _plain(OptunaSweeperConf)
    assert stock.keys() < ours.keys()
    # At a rate of 0 one failure ends a study; and OmegaConf 2.3 cannot set a mapping over null.
    assert {key for key in stock if stock[key] != ours[key]} == {"max_failure_rate", "params"}


@pytest.mark.stock
@pytest.mark.parametrize("name", STOCK)
def test_our_groups_have_the_fields_of_hydra_optuna_sweeper(name: str) -> None:
    """And their defaults, so that a file means the same whether it is installed or not."""
    from hydra_plugins.hydra_optuna_sweeper import config as stock

    theirs = {"tpe": "TPE", "random": "Random", "cmaes": "CmaEs", "grid": "Grid"}.get(name, name.upper())
    assert _plain(SAMPLERS_OF_STOCK[name]) == _plain(getattr(stock, f"{theirs}SamplerConfig"))


def test_slurm_workers_have_every_field_of_submitit_slurm() -> None:
    """Those that Hydra's launcher has today, and those that only its newest release has."""
    from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf

    ours, stock = _plain(SlurmWorkersConf), _plain(SlurmQueueConf)
    assert {*stock, "python", "srun_args", "use_srun"} < ours.keys()
    assert {key for key in stock if stock[key] != ours[key]} == {"stderr_to_stdout", "submitit_folder"}


@pytest.fixture
def without_stock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra's store as it is where hydra-optuna-sweeper is not installed."""
    made_sweeper = sweeper_node()  # all plugins have been discovered
    assert made_sweeper
    repo = copy.deepcopy(ConfigStore.instance().repo)
    for name in STOCK:
        repo["hydra"]["sweeper"]["sampler"].pop(f"{name}.yaml", None)
    repo["hydra"]["sweeper"].pop("optuna.yaml", None)
    monkeypatch.setattr(ConfigStore.instance(), "repo", repo)


@pytest.mark.stock
@pytest.mark.parametrize("name", STOCK)
def test_the_same_file_composes_without_hydra_optuna_sweeper(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """To the same values; only what makes the sampler is ours then."""
    written = "{seed: 3, extra: [1, 2]}"
    with_stock = _plain(_composed(tmp_path, "async_optuna", name, written).hydra.sweeper)
    sampler = _plain(with_stock.pop("sampler"))
    request.getfixturevalue("without_stock")
    alone = _plain(_composed(tmp_path, "async_optuna", name, written).hydra.sweeper)
    assert _plain(alone.pop("sampler")) == sampler
    assert alone == with_stock
    assert sampler["seed"] == 3


def test_what_is_installed_is_left_as_it_is(without_stock: None) -> None:
    """Only groups that are missing are added: an old release may have brought a few."""
    assert "tpe.yaml" not in ConfigStore.instance().repo["hydra"]["sweeper"]["sampler"]
    own = {"_target_": "of.somebody.Else"}
    store_node("hydra/sweeper/sampler", "random", own)
    store.register_beside_stock()
    nodes = store.stored_nodes("hydra/sweeper/sampler")
    assert nodes["random"] == own
    assert nodes["tpe"]["_target_"] == "optuna.samplers.TPESampler"


@pytest.mark.parametrize("node", [node for _, _, node in store._NODES], ids=lambda node: node.__name__)
def test_every_schema_says_what_it_is(node: type) -> None:
    """The registered nodes are documented dataclasses with a target, but for those that leave the choice to us."""
    assert dataclasses.is_dataclass(node)
    assert node.__doc__
    targets = [field.default for field in dataclasses.fields(node) if field.name == "_target_"]
    assert bool(targets) is not node.__name__.startswith("Auto")
    assert all(targets)


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


@pytest.mark.stock
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


@pytest.mark.stock
@pytest.mark.parametrize("group", STOCK)
def test_upstreams_groups_are_as_upstream_left_them_under_its_sweeper(tmp_path: Path, group: str) -> None:
    """Its sweeper composes what its dataclass says, and refuses what it does not know as before."""
    from hydra_plugins.hydra_optuna_sweeper.config import SamplerConfig

    config = _composed(tmp_path, "optuna", group, "{}")
    kind = OmegaConf.get_type(config.hydra.sweeper.sampler)
    assert kind is not None
    assert issubclass(kind, SamplerConfig)
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
    assert {"async_optuna", "basic"} <= set(context.config_loader.get_group_options("hydra/sweeper"))
    assert not [one for one in context.config_loader.get_group_options("hydra/sweeper") if "open" in one]


def test_stored_nodes_are_plain_copies() -> None:
    """Everybody's, by name; none of a group that nobody has made."""
    store.register_beside_stock()
    nodes = store.stored_nodes("hydra/sweeper/sampler")
    assert {*STOCK, "async_tpe", "brute_force", "partial_fixed"} <= nodes.keys()
    nodes["random"]["seed"] = 3
    assert store.stored_nodes("hydra/sweeper/sampler")["random"]["seed"] is None
    assert store.stored_nodes("hydra/not_there") == {}
