# SPDX-License-Identifier: MIT
"""A Hydra app with config groups, whose options have different keys."""

from typing import Any

import hydra


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(conf: Any) -> float:
    """Sum what the chosen options say."""
    momentum = conf.optimizer.get("momentum", 0.0)
    return float(conf.optimizer.rate + momentum + conf.width.units)


if __name__ == "__main__":
    main()
