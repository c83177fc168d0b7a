# SPDX-License-Identifier: MIT
"""Somebody's training program; of this project it knows `hyperopt_app.report`."""

import logging
import time
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig

import hyperopt_app

_log = logging.getLogger(__name__)
PATIENCE_S = 30.0


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg: Any) -> float:
    """Descend from a height to a loss that depends on the learning rate."""
    loss = abs(cfg.model.learning_rate - 0.3)
    for epoch in range(cfg.epochs):
        hyperopt_app.report(loss + 1 / (epoch + 1), epoch)
    if cfg.first_waits_for and HydraConfig.get().job.num == 0:
        _wait_for_others(Path(HydraConfig.get().runtime.output_dir).parent, cfg.first_waits_for)
    _log.info("loss %g", loss)
    return float(loss)


def _wait_for_others(sweep: Path, count: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while len([one for one in sweep.glob("[1-9]*/train.log") if one.stat().st_size]) < count:
        if time.monotonic() > until:
            raise TimeoutError("the other trials wait for this one")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
