# SPDX-License-Identifier: MIT
"""A Hydra app whose workers wait for one another in their first trial; after that a trial is empty.

So it is certain that they work at the same time, however slowly they start.
"""

import os
import time
from pathlib import Path
from typing import Any

import hydra

PATIENCE_S = 40.0


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> dict[str, float]:
    """Meet the other workers, then tell which CUDA device this one sees (-1 if all)."""
    hall = Path(hydra.utils.get_original_cwd(), "hall")
    hall.mkdir(exist_ok=True)
    (hall / str(os.getpid())).touch()
    until = time.monotonic() + PATIENCE_S
    while len(list(hall.iterdir())) < conf.workers:
        if time.monotonic() > until:
            raise TimeoutError(f"{conf.workers} workers never met")
        time.sleep(0.01)
    return {"loss": conf.x**2, "gpu": float(os.environ.get("CUDA_VISIBLE_DEVICES", "-1"))}


if __name__ == "__main__":
    main()
