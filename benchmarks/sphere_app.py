# SPDX-License-Identifier: MIT
"""The Hydra app that the benchmarks run under either sweeper: sleeps for its trial's length, returns a sphere."""

import random
import time
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig


def length_s(number: int, mean_s: float) -> float:
    """The log-normal length of a trial in seconds, the same for a number under every sweeper."""
    return mean_s * random.Random(number).lognormvariate(-0.5, 1.0)


@hydra.main(version_base=None, config_path=".", config_name="sphere_app")
def main(conf: DictConfig) -> float:
    """One trial."""
    if conf.mean_s:
        _sleep(HydraConfig.get(), conf.mean_s)
    return float(conf.x**2 + conf.y**2 + conf.z**2)


def _sleep(hydra_config: DictConfig, mean_s: float) -> None:
    begin = time.time()
    time.sleep(length_s(int(hydra_config.job.num), mean_s))
    Path(hydra_config.runtime.output_dir, "times.txt").write_text(f"{begin} {time.time()}")


if __name__ == "__main__":
    main()
