# SPDX-License-Identifier: MIT
"""The sampler and the pruner of a whole command, from its YAML files to what workers build."""

import pickle
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from hyperopt_app.config.methods import SAMPLERS_OF_STOCK
from hyperopt_app.config.store import register_beside_stock, stored_nodes
from hyperopt_app.driver.request import Request, checked
from hyperopt_app.errors import ConfigError
from hyperopt_app.hydra_compat import store_node
from hyperopt_app.sampling.samplers import sampler_factory
from tests._releases import IS_1_4
from tests.unit._made_sweeps import made_plan, made_sweep, write_configs
from tests.unit.sampling import _made_methods as made

SEEDED, LIMIT = f"{made.HERE}.Seeded", f"{made.HERE}.Limit"


def _request(tmp_path: Path, sampler: str = "{}", *overrides: str, groups: str = "", pruner: str = "{}") -> Request:
    text = f"""
        defaults: [_self_, {{override hydra/sweeper: async_optuna}}{groups}]
        hydra: {{sweeper: {{sampler: {sampler}, pruner: {pruner}}}, sweep: {{dir: {tmp_path}/study}}}}
        x: 1
        """
    context, config = made_sweep(write_configs(tmp_path / "conf", {"config": text}), *overrides)
    return checked(context, config, lambda _config: None, ["x=range(3)"])


def test_a_class_with_fields_of_its_own_over_our_defaults(tmp_path: Path) -> None:
    """Written inline, as in nearly all public files; no `override` of a group is needed."""
    inline = f"{{_target_: {SEEDED}, width: 4}}"
    settings = _request(tmp_path, inline, pruner=f"{{_target_: {LIMIT}, limit: 2}}").settings
    assert settings.sampler == {"_target_": SEEDED, "width": 4, "seed": None}
    assert settings.pruner == {"_target_": LIMIT, "limit": 2}


def test_a_value_that_the_group_below_has_too_is_seen_to_be_written(tmp_path: Path) -> None:
    """The command is composed once more without the group: ten of TPE's is not ten of the user's."""
    pytest.importorskip("cmaes", reason="CmaEsSampler wants cmaes, not installed here")
    target = "_target_: optuna.samplers.CmaEsSampler"
    for overrides in ((), ("hydra/sweeper/sampler=async_tpe",)):
        assert "n_startup_trials" not in _request(tmp_path, f"{{{target}}}", *overrides).settings.sampler
        written = _request(tmp_path, f"{{{target}, n_startup_trials: 10}}", *overrides).settings.sampler
        assert written["n_startup_trials"] == 10
    given = _request(tmp_path, f"{{{target}}}", "hydra.sweeper.sampler.n_startup_trials=10").settings.sampler
    assert given["n_startup_trials"] == 10


def test_over_an_upstream_group(tmp_path: Path) -> None:
    """CMA-ES below, a Gaussian process above."""
    groups = ", {override hydra/sweeper/sampler: cmaes}, {override hydra/sweeper/pruner: median}"
    inline = "{_target_: optuna.samplers.BruteForceSampler, avoid_premature_stop: true}"
    settings = _request(tmp_path, inline, groups=groups, pruner="{n_startup_trials: 2}").settings
    assert settings.sampler == {
        "_target_": "optuna.samplers.BruteForceSampler",
        "seed": None,
        "avoid_premature_stop": True,
    }
    assert (settings.pruner["_target_"], settings.pruner["n_startup_trials"]) == ("optuna.pruners.MedianPruner", 2)


@pytest.fixture
def old_stock() -> None:
    """Hydra's store with a group of hydra-optuna-sweeper 1.2, as far as it matters."""
    register_beside_stock()
    old = {"_target_": "optuna.samplers.TPESampler", "seed": None, "consider_prior": True, "n_startup_trials": 11}
    replacing: dict[str, Any] = {"replace": True} if IS_1_4 else {}
    ConfigStore.instance().store("tpe", old, "hydra/sweeper/sampler", provider="optuna_sweeper", **replacing)


def test_an_old_group_of_hydra_optuna_sweepers_means_todays(tmp_path: Path, old_stock: None) -> None:
    """It sets what Optuna 5 warns of, and lacks what it has; what the user writes stays, also where it is the same."""
    today = OmegaConf.to_container(OmegaConf.structured(SAMPLERS_OF_STOCK["tpe"]))
    groups = ", {override hydra/sweeper/sampler: tpe}"
    assert _request(tmp_path, groups=groups).settings.sampler == today
    written = _request(tmp_path, "{n_startup_trials: 11, constant_liar: true}", groups=groups).settings.sampler
    assert written == {**today, "n_startup_trials": 11, "constant_liar": True}
    other = _request(tmp_path, "{_target_: optuna.samplers.RandomSampler}", groups=groups).settings.sampler
    assert other == {"_target_": "optuna.samplers.RandomSampler", "seed": None}


def test_a_group_of_the_same_name_of_somebody_elses_is_left(tmp_path: Path) -> None:
    """Only hydra-optuna-sweeper's are known to be old."""
    node = {"_target_": SEEDED, "width": 9}
    store_node("hydra/sweeper/sampler", "tpe", node)
    groups = ", {override hydra/sweeper/sampler: tpe}"
    assert _request(tmp_path, groups=groups).settings.sampler == node


def test_a_file_of_the_users_own(tmp_path: Path) -> None:
    """A group file that names a class over one of the stock groups."""
    files = {"hydra/sweeper/sampler/mine": f"defaults: [tpe]\n_target_: {SEEDED}\nwidth: 2\n"}
    write_configs(tmp_path / "conf", files)
    groups = ", {override hydra/sweeper/sampler: mine}"
    composed = _request(tmp_path, groups=groups).settings.sampler  # before the look at what Hydra's plugins have stored
    shared = {"seed": None, "n_startup_trials": 10, "group": False}  # whose they are cannot be seen in such a file
    if "group" not in stored_nodes("hydra/sweeper/sampler")["tpe"]:  # of a hydra-optuna-sweeper before 1.4
        del shared["group"]
    assert composed == {"_target_": SEEDED, "width": 2, **shared}
    write_configs(tmp_path / "conf", {"hydra/sweeper/sampler/mine": f"_target_: {SEEDED}\nwidth: 2\n"})
    assert _request(tmp_path, groups=groups).settings.sampler == {"_target_": SEEDED, "width": 2}


@pytest.mark.parametrize(
    ("sampler", "pruner", "groups"),
    [
        ("null", "null", ""),
        ("{}", "{}", ", {override hydra/sweeper/sampler: null}, {override hydra/sweeper/pruner: null}"),
    ],
    ids=["inline", "groups"],
)
def test_null_is_our_default(tmp_path: Path, sampler: str, pruner: str, groups: str) -> None:
    """The choice is ours: what learns from learning curves."""
    settings = _request(tmp_path, sampler, groups=groups, pruner=pruner).settings
    assert settings == _request(tmp_path).settings
    assert settings.options == {"sampler": "curves", "pruner": "forecast"}
    assert settings.sampler["_target_"].endswith(".CurvesSampler")
    assert settings.pruner["_target_"].endswith(".ForecastPruner")


@pytest.mark.parametrize(
    ("sampler", "pruner", "options"),
    [
        ("{seed: 3}", "{}", {"sampler": "curves", "pruner": "forecast"}),
        (
            "{n_startup_trials: 7}",
            "{}",
            {"pruner": "nop"},
        ),  # async_tpe's
        ("{_target_: optuna.samplers.RandomSampler}", "{}", {"pruner": "forecast"}),
        ("{}", "{_target_: optuna.pruners.MedianPruner}", {"sampler": "curves"}),
        (f"{{_target_: {SEEDED}}}", f"{{_target_: {LIMIT}}}", {}),
    ],
    ids=["a seed", "fields of TPE", "a sampler", "a pruner", "both"],
)
def test_what_the_user_writes_is_not_chosen(tmp_path: Path, sampler: str, pruner: str, options: dict[str, str]) -> None:
    """A seed names no sampler; a field of the default class does."""
    settings = _request(tmp_path, sampler, pruner=pruner).settings
    assert settings.options == options
    if "seed" in sampler:
        assert settings.sampler["seed"] == 3
    if "n_startup" in sampler:
        assert (settings.sampler["_target_"], settings.sampler["n_startup_trials"]) == (
            "optuna.samplers.TPESampler",
            7,
        )


def test_a_misspelt_field_stops_the_command(tmp_path: Path) -> None:
    """On the command line and in files, of both at once, before anything is written."""
    with pytest.raises(ConfigError) as error:
        _request(tmp_path, "{n_ei_candidate: 3}", "hydra.sweeper.sampler.sed=1", "hydra.sweeper.pruner.patience=2")
    text = str(error.value)
    for told in ("sampler.sed: ", "did you mean seed", "did you mean n_ei_candidates", "pruner.patience: "):
        assert told in text
    assert not (tmp_path / "study").exists()


def test_a_seed_that_is_no_number_is_a_fault(tmp_path: Path) -> None:
    """A foreign class may take any; the study's seed follows from it, which wants a number."""
    with pytest.raises(ConfigError, match=r"hydra\.sweeper\.sampler\.seed: mine is not allowed; set a whole number"):
        _request(tmp_path, f"{{_target_: {SEEDED}, seed: mine}}")


def test_a_plan_with_anybodys_class_travels_as_plain_data(tmp_path: Path) -> None:
    """Only for a class of the script the class itself stands in it, for cloudpickle to send by value."""
    settings = _request(tmp_path, f"{{_target_: {SEEDED}}}", pruner=f"{{_target_: {LIMIT}}}").settings
    plan = made_plan(tmp_path, sampler=settings.sampler, pruner=settings.pruner)
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_a_class_of_the_script_stands_in_the_settings_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every depth; and what it makes is what was named."""
    main: Any = sys.modules["__main__"]
    mine = type("Mine", (optuna.samplers.RandomSampler,), {"__module__": "__main__"})
    monkeypatch.setattr(main, "Mine", mine, raising=False)
    inner = (
        "{_target_: optuna.samplers.PartialFixedSampler, fixed_params: {x: 1}, base_sampler: {_target_: __main__.Mine}}"
    )
    node = _request(tmp_path, inner).settings.sampler
    assert node["base_sampler"]["_target_"] is mine
    assert isinstance(sampler_factory(node, 3)(0)._base_sampler, mine)  # type: ignore[attr-defined]
