# SPDX-License-Identifier: MIT
"""Run the Hydra application for `python -m hyperopt_app`."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from hyperopt_app.app import train
from hyperopt_app.hydra_compat import hydra_main
from hyperopt_app.processes.python_start import behind_the_standard_library
from hyperopt_app.processes.streams import spelling_out
from hyperopt_app.support.hydra_errors import errors_in_one_line

__all__ = ["main"]

# OmegaConf refuses a YAML file of more than ten thousand values by default. It fears aliases that
# swell, against which it keeps another guard; a config that is run here may hold a long list. Workers inherit it.
_MOST_VALUES = ("OMEGACONF_MAX_YAML_EXPANDED_NODES", "10000000")


def main(task: Callable[[DictConfig], Any] = train) -> None:
    """Run the application with the arguments of this process.

    Args:
        task: What Hydra runs, and hands to the sweeper.
    """
    os.environ.setdefault(*_MOST_VALUES)
    # A user's objective lies where the command is typed; `python -m` looks there by itself, a console script does not.
    if (folder := str(Path.cwd())) not in sys.path and "" not in sys.path:
        sys.path.insert(behind_the_standard_library(sys.path), folder)
    with spelling_out(), errors_in_one_line():
        hydra_main(task, config_path="pkg://hyperopt_app.conf", config_name="config")


if __name__ == "__main__":
    main()
