# SPDX-License-Identifier: MIT
"""A Hydra app whose config groups have keys and groups that belong to some options alone, three levels deep."""

from typing import Any

import hydra


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(conf: Any) -> float:
    """Sum what is there, more or less."""
    schedule = conf.get("schedule") or {}
    return float(conf.optimizer.rate + conf.optimizer.get("momentum", 1.0) + 0.01 * schedule.get("warmup", 0))


if __name__ == "__main__":
    main()
