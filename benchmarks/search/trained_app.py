# SPDX-License-Identifier: MIT
"""The Hydra app that `trainings` runs under either sweeper: one training, whose value is noted with the time."""

import json
import os
import time
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig

import hyperopt_app

# Where the values go, a line for each training that came to its end.
VALUES = "BENCHMARK_VALUES"


def train(conf: DictConfig) -> float:
    """Train, note the value, and return it."""
    objective: Any = hydra.utils.get_class(conf.objective._target_)()
    value = float(objective.train(hyperopt_app.current_trial(), conf)[conf.metric])
    line = json.dumps({"at": time.time(), "value": value}) + "\n"
    with Path(os.environ[VALUES]).open("a", encoding="utf-8") as file:  # short lines that are appended stay whole
        file.write(line)
    return value


if __name__ == "__main__":
    hydra.main(config_path=None)(train)()
