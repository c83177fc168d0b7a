# SPDX-License-Identifier: MIT
"""Report what changed in the app's own config since the last command of the study.

A change of the search itself (ranges, fixed overrides) is refused, because it identifies the study. A value edited in
a YAML file may be harmless (a path) or may make old and new trials incomparable (the number of epochs). Only the user
can judge that, so the change is logged.
"""

from collections.abc import Collection
from pathlib import Path

import yaml
from omegaconf import DictConfig

from hyperopt_app.support.files import read_file
from hyperopt_app.support.shown_config import shown_config, value_changes

__all__ = ["config_changes"]


def config_changes(path: Path, config: DictConfig, searched: Collection[str]) -> list[str]:
    """List the first few changed keys as lines such as `epochs: 8 -> 3`; empty if none, or if unknown.

    Args:
        path: The `multirun.yaml` of the last command.
        config: The composed config of this one.
        searched: Dotted keys whose values in the files do not count.
    """
    try:
        before = yaml.safe_load(read_file(path))
        now = yaml.safe_load(shown_config(config))
    except (OSError, ValueError, yaml.YAMLError):
        return []
    if not isinstance(before, dict) or not isinstance(now, dict):
        return []
    return value_changes(before, now, searched)
