# SPDX-License-Identifier: MIT
"""Builds the lists that a config describes as mappings of `_target_` nodes."""

from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf


def built_all(nodes: DictConfig | None) -> list[Any]:
    """One object for each named node that has a `_target_`."""
    found = (nodes or {}).values()
    return [hydra.utils.instantiate(node) for node in found if isinstance(node, DictConfig) and "_target_" in node]


def log_hyperparameters(cfg: DictConfig, loggers: list[Any]) -> None:
    """Tell every logger what is trained, and leave the resolved config beside its files."""
    told: Any = OmegaConf.to_container(cfg, resolve=True)
    for logger in loggers:
        logger.log_hyperparams({"model": told["model"], "seed": told["seed"]})
    Path(cfg.paths.output_dir, "resolved.yaml").write_text(OmegaConf.to_yaml(cfg, resolve=True), encoding="utf-8")
