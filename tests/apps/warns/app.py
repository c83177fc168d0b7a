# SPDX-License-Identifier: MIT
"""A Hydra app that warns in every trial: by itself, by Optuna and, with Hydra 1.4, by Hydra."""

import logging
import sys
import warnings
from typing import Any

import hydra
import optuna
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate


@hydra.main(config_path=".", config_name="config")
def main(conf: Any) -> float:
    """Evaluate x^2."""
    number = HydraConfig.get().job.num
    print(f"trial {number} begins", file=sys.stderr)  # noqa: T201 - where Python's warnings go
    if conf.capture:
        logging.captureWarnings(True)
    instantiate({"_target_": "builtins.dict"})
    optuna.pruners.WilcoxonPruner()
    warnings.warn("the user's own", stacklevel=1)
    return float(conf.x**2)


if __name__ == "__main__":
    main()
