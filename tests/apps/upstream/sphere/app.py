# SPDX-License-Identifier: MIT
"""The sphere function as a program for hydra-optuna-sweeper; it knows nothing of this project."""

from typing import Any

import hydra


@hydra.main(config_path=".", config_name="config")
def sphere(cfg: Any) -> float:
    """Square two numbers and add them."""
    x: float = cfg.x
    y: float = cfg.y
    if cfg.get("error", False):
        raise RuntimeError("cfg.error is true")
    return x**2 + y**2


if __name__ == "__main__":
    sphere()
