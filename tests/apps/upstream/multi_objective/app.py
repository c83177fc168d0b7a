# SPDX-License-Identifier: MIT
"""Two objectives that pull apart (Binh and Korn's), as a program for hydra-optuna-sweeper."""

from typing import Any

import hydra


@hydra.main(config_path=".", config_name="config")
def binh_and_korn(cfg: Any) -> tuple[float, float]:
    """Measure the distances to (0, 0) and to (5, 5)."""
    x: float = cfg.x
    y: float = cfg.y
    return 4 * x**2 + 4 * y**2, (x - 5) ** 2 + (y - 5) ** 2


if __name__ == "__main__":
    binh_and_korn()
