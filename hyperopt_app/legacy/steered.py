# SPDX-License-Identifier: MIT
"""The tables of the original after a command has changed which trials count; such a command knows no config."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

__all__ = ["write_tables_of"]


def write_tables_of(study: "optuna.Study", study_dir: Path) -> None:
    """Write the tables anew if the study's last command was one of the original interface; else nothing.

    Args:
        study: The study; only read.
        study_dir: Its directory, whose `multirun.yaml` tells the folder, the dialect and the metric.
    """
    from hyperopt_app.legacy.tables.files import write_tables

    conf = _config(study_dir / "multirun.yaml")
    if conf is not None:
        write_tables(study, conf)


def _config(path: Path) -> Mapping[str, Any] | None:
    """The config as it was written, looked up nowhere; None if it is none of the original interface, or not ours."""
    import yaml

    from hyperopt_app.support.files import NotOwnError, read_own

    try:
        conf = yaml.safe_load(read_own(path))
    except (OSError, ValueError, NotOwnError, yaml.YAMLError):
        return None
    node = conf.get("objective") if isinstance(conf, dict) else None
    if not isinstance(node, dict) or not str(node.get("_target_", "")).startswith("hyperopt_app.legacy."):
        return None
    return conf if {"save_path", "dialect", "metric"} <= node.keys() else None
