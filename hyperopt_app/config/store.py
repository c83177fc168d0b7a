# SPDX-License-Identifier: MIT
"""Register every schema of ours with Hydra, by one loop.

Hydra imports this at the start of every Hydra program on the machine: no Optuna, no torch, no submitit here.
"""

from typing import Any

from hydra.core.config_store import ConfigStore

from hyperopt_app.config.launchers import ByHandConf, LocalWorkersConf, PbsWorkersConf, SlurmWorkersConf
from hyperopt_app.config.methods import (
    AsyncTPESamplerConf,
    BruteForceSamplerConf,
    HyperbandPrunerConf,
    MedianPrunerConf,
    NopPrunerConf,
    PartialFixedSamplerConf,
    PatientPrunerConf,
    PercentilePrunerConf,
    SuccessiveHalvingPrunerConf,
    ThresholdPrunerConf,
    WilcoxonPrunerConf,
)
from hyperopt_app.config.presets import GROUP, PRESETS
from hyperopt_app.config.sweeper import AsyncOptunaConf

__all__ = ["register", "register_run_note"]

_NODES: tuple[tuple[str, str, Any], ...] = (
    ("hydra/sweeper", "async_optuna", AsyncOptunaConf),
    ("hydra/sweeper/sampler", "async_tpe", AsyncTPESamplerConf),
    ("hydra/sweeper/sampler", "brute_force", BruteForceSamplerConf),
    ("hydra/sweeper/sampler", "partial_fixed", PartialFixedSamplerConf),
    ("hydra/sweeper/pruner", "nop", NopPrunerConf),
    ("hydra/sweeper/pruner", "median", MedianPrunerConf),
    ("hydra/sweeper/pruner", "percentile", PercentilePrunerConf),
    ("hydra/sweeper/pruner", "successive_halving", SuccessiveHalvingPrunerConf),
    ("hydra/sweeper/pruner", "hyperband", HyperbandPrunerConf),
    ("hydra/sweeper/pruner", "threshold", ThresholdPrunerConf),
    ("hydra/sweeper/pruner", "patient", PatientPrunerConf),
    ("hydra/sweeper/pruner", "wilcoxon", WilcoxonPrunerConf),
    ("hydra/launcher", "local_workers", LocalWorkersConf),
    ("hydra/launcher", "slurm_workers", SlurmWorkersConf),
    ("hydra/launcher", "pbs_workers", PbsWorkersConf),
    ("hydra/launcher", "by_hand", ByHandConf),
)


def register() -> None:
    """Put every schema into Hydra's config store; called by the plugin modules when Hydra discovers them."""
    for group, name, node in _NODES:
        # A worker gets the driver's store before it discovers plugins itself, so a node may be there already.
        ConfigStore.instance().store(group=group, name=name, node=node, provider="hyperopt_app", replace=True)
    for name, preset in PRESETS.items():
        ConfigStore.instance().store(
            group=GROUP, name=name, node=preset, package="_global_", provider="hyperopt_app", replace=True
        )


def register_run_note(target: str) -> None:
    """Let our sweeper's config bring a Hydra callback, for this process; see `hydra_plugins.hyperopt_app.run_note`."""
    group, name = "hydra/hyperopt_app", "run_note"
    note = {"hydra": {"callbacks": {"hyperopt_app": {"_target_": target}}}}
    store = ConfigStore.instance()
    store.store(group=group, name=name, node=note, package="_global_", provider="hyperopt_app", replace=True)
    with_note = AsyncOptunaConf()
    with_note.defaults.append(f"/{group}/{name}")
    store.store(group="hydra/sweeper", name="async_optuna", node=with_note, provider="hyperopt_app", replace=True)
