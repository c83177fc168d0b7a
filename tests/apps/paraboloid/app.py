# SPDX-License-Identifier: MIT
"""A Hydra app that returns two metrics at once or waits a little first; for tests of budgets and launchers."""

import time
from typing import Any

import hydra


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> dict[str, float]:
    """Evaluate (x - 1)^2 + y^2 and its counterpart with the minimum elsewhere."""
    time.sleep(conf.sleep)
    return {"loss": (conf.x - 1) ** 2 + conf.y**2, "cost": conf.x**2 + (conf.y - 1) ** 2}


if __name__ == "__main__":
    main()
