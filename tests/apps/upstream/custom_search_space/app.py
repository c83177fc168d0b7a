# SPDX-License-Identifier: MIT
"""A search space that a function extends, as a program for hydra-optuna-sweeper."""

from typing import Any

import hydra


@hydra.main(config_path=".", config_name="config")
def evaluate(cfg: Any) -> float:
    """Square four numbers and add them; only the search gives `w`."""
    w: float = cfg.get("w", 1.0)
    return float(cfg.x**2 + cfg.y**2 + cfg.z**2 + w**2)


def configure(cfg: Any, trial: Any) -> None:
    """Suggest `z` near the trial's `x`, within a width that the config sets, and a parameter that it lacks."""
    x = trial.params["x"]
    width = cfg.max_z_difference_from_x
    trial.suggest_float("z", x - width, x + width)
    trial.suggest_float("+w", 0.0, 1.0)


if __name__ == "__main__":
    evaluate()
