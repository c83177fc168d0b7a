# SPDX-License-Identifier: MIT
"""Register all config schemas in Hydra's ConfigStore.

Hydra imports this module in every Hydra program, so it must not import Optuna, torch or submitit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from hydra.core.config_store import ConfigNode, ConfigStore
from omegaconf import DictConfig, OmegaConf

from hyperopt_app.config import callbacks
from hyperopt_app.config.launchers import SCHEMAS
from hyperopt_app.config.loggers import LOGGERS
from hyperopt_app.config.methods import (
    SAMPLERS_OF_STOCK,
    AsyncTPESamplerConf,
    AutoPrunerConf,
    AutoSamplerConf,
    BruteForceSamplerConf,
    CurvesSamplerConf,
    ForecastPrunerConf,
    HyperbandPrunerConf,
    MedianPrunerConf,
    NopPrunerConf,
    PartialFixedSamplerConf,
    PatientPrunerConf,
    PercentilePrunerConf,
    PromotePrunerConf,
    SuccessiveHalvingPrunerConf,
    ThresholdPrunerConf,
    WilcoxonPrunerConf,
)
from hyperopt_app.config.presets import GROUP, PRESETS
from hyperopt_app.config.sweeper import AsyncOptunaConf
from hyperopt_app.hydra_compat import store_node, store_nodes

__all__ = [
    "register",
    "register_beside_stock",
    "register_callbacks",
    "register_presets",
    "register_run_note",
    "replacing_old_sampler",
    "stored_nodes",
]

_NODES: tuple[tuple[str, str, Any], ...] = (
    ("hydra/sweeper", "async_optuna", AsyncOptunaConf),
    ("hydra/sweeper/sampler", "auto", AutoSamplerConf),
    ("hydra/sweeper/sampler", "async_tpe", AsyncTPESamplerConf),
    ("hydra/sweeper/sampler", "curves", CurvesSamplerConf),
    ("hydra/sweeper/sampler", "brute_force", BruteForceSamplerConf),
    ("hydra/sweeper/sampler", "partial_fixed", PartialFixedSamplerConf),
    ("hydra/sweeper/pruner", "auto", AutoPrunerConf),
    ("hydra/sweeper/pruner", "nop", NopPrunerConf),
    ("hydra/sweeper/pruner", "forecast", ForecastPrunerConf),
    ("hydra/sweeper/pruner", "promote", PromotePrunerConf),
    ("hydra/sweeper/pruner", "median", MedianPrunerConf),
    ("hydra/sweeper/pruner", "percentile", PercentilePrunerConf),
    ("hydra/sweeper/pruner", "successive_halving", SuccessiveHalvingPrunerConf),
    ("hydra/sweeper/pruner", "hyperband", HyperbandPrunerConf),
    ("hydra/sweeper/pruner", "threshold", ThresholdPrunerConf),
    ("hydra/sweeper/pruner", "patient", PatientPrunerConf),
    ("hydra/sweeper/pruner", "wilcoxon", WilcoxonPrunerConf),
    *(("hydra/launcher", name, schema) for name, schema in SCHEMAS.items()),
)


# What hydra-optuna-sweeper calls itself in the store.
_STOCK = "optuna_sweeper"


def _untyped(node: type) -> Any:
    """Return a sampler's or pruner's fields without types, which would reject another class over the same group."""
    return OmegaConf.to_container(OmegaConf.structured(node))


def _opened() -> DictConfig:
    """Return nodes that let users add keys to `sampler` and `pruner`, whichever group is chosen.

    OmegaConf takes no key that a dataclass lacks, so over a group nobody could name a class with fields of its own.
    But a node whose flag struct is False takes any, and keeps the flag when another is merged into it. Our sweeper's
    defaults bring two such nodes before the groups: hydra-optuna-sweeper's dataclasses stay what they are, and so does
    all that its own sweeper does with them. What the added keys are worth is judged in `sampling.fitting`.
    """
    takes_any = {name: OmegaConf.create({}, flags={"struct": False}) for name in ("sampler", "pruner")}
    return OmegaConf.create({**takes_any, "logger": None})


def register() -> None:
    """Put every schema into Hydra's config store; called by the plugin modules when Hydra discovers them."""
    # A worker gets the driver's store before it discovers plugins itself, so a node may be there already.
    nodes = [
        (group, name, _untyped(node) if group.startswith("hydra/sweeper/") else node) for group, name, node in _NODES
    ]
    # Each under its own name, so that several can be chosen: hydra/sweeper/logger=[csv,tensorboard].
    loggers = [("hydra/sweeper/logger", name, {name: _untyped(node)}) for name, node in LOGGERS.items()]
    store_nodes([*nodes, *loggers, ("hydra/sweeper/opened", "methods", _opened())])


def register_beside_stock() -> None:
    """Add the sampler groups that hydra-optuna-sweeper does not provide; called after `register`.

    They are called alike under both sweepers, and its own stay its own. So this is done once all plugins have been
    discovered: which of two is discovered first depends on where they are installed.
    """
    group = "hydra/sweeper/sampler"
    stored = _stored(group)
    for name, node in SAMPLERS_OF_STOCK.items():
        if name not in stored:
            store_node(group, name, _untyped(node))


def replacing_old_sampler(name: str) -> dict[str, Any] | None:
    """Return the fields that replace a sampler group of an old hydra-optuna-sweeper; None if there is none.

    Releases before 1.4 are written for Optuna 2, and pip leaves them when it upgrades Optuna: their groups set what
    Optuna 5 warns of or lacks. In the store they stay, for hydra-optuna-sweeper's own sweeper.
    """
    nodes = _stored("hydra/sweeper/sampler")
    theirs = {group: nodes[group] for group in SAMPLERS_OF_STOCK if group in nodes and nodes[group].provider == _STOCK}
    ours = {group: {field.name for field in fields(SAMPLERS_OF_STOCK[group])} for group in theirs}
    is_old = any(not ours[group] <= set(stored.node) for group, stored in theirs.items())
    return _untyped(SAMPLERS_OF_STOCK[name]) if is_old and name in theirs else None


def register_presets(words: Sequence[str]) -> None:
    """Add the presets if the command line uses them; otherwise an app's own key `hyperopt` would be hidden.

    Args:
        words: The command line.
    """
    if not any(word.startswith(f"+{GROUP}=") for word in words):
        return
    for name, preset in PRESETS.items():
        store_node(GROUP, name, preset, package="_global_")


def register_callbacks(places: Iterable[str | None]) -> None:
    """Add a config to the group `callbacks` of an app that has one.

    Args:
        places: The entries of Hydra's search path.
    """
    if callbacks.has_group(places):
        store_node(callbacks.GROUP, callbacks.NAME, callbacks.CALLBACKS, package="_global_")


def register_run_note(target: str) -> None:
    """Add a Hydra callback to our sweeper's config in this process; see `hydra_plugins.hyperopt_app.run_note`."""
    group, name = "hydra/hyperopt_app", "run_note"
    note = {"hydra": {"callbacks": {"hyperopt_app": {"_target_": target}}}}
    store_node(group, name, note, package="_global_")
    with_note = AsyncOptunaConf()
    with_note.defaults.append(f"/{group}/{name}")
    store_node("hydra/sweeper", "async_optuna", with_note)


def stored_nodes(group: str) -> dict[str, dict[str, Any]]:
    """Return all nodes of a group in Hydra's config store as plain data, by name."""
    return {name: OmegaConf.to_container(stored.node) for name, stored in _stored(group).items()}  # type: ignore[misc]


def _stored(group: str) -> dict[str, ConfigNode]:
    """Return the nodes of a group as the store holds them, by name."""
    level: Any = ConfigStore.instance().repo
    for part in group.split("/"):
        level = level.get(part, {})
    return {name.removesuffix(".yaml"): node for name, node in level.items() if isinstance(node, ConfigNode)}
