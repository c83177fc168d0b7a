# SPDX-License-Identifier: MIT
"""A search space that a function extends, in a module whose name has a hyphen, as in Hydra's own example."""

from typing import Any


def configure(config: Any, trial: Any) -> None:
    """Suggest within bounds that the config gives."""
    trial.suggest_float("model.dropout", 0.0, config.model.lr)
    trial.suggest_float("+extra", 0.0, 1.0)
