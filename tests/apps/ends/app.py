# SPDX-License-Identifier: MIT
"""A stranger's Hydra app of which the environment says how its trials end: as HYPEROPT_TEST_DO says, else well."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import hydra

from hyperopt_app import report
from hyperopt_app.cli import main as hyperopt_app


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> float:
    """Do it."""
    do = os.environ.get("HYPEROPT_TEST_DO")
    if do == "fail":
        raise LookupError(f"no layer of width {conf.x}")
    if do == "stop":
        hyperopt_app(["stop", str(Path(conf.study).absolute())])
    if do == "report":
        for step in range(5):
            time.sleep(0.1)
            report(conf.x, step)
    if do == "die":
        workers = Path(conf.study, "workers")
        workers.rename(workers.with_name("away"))
        workers.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if do == "wait":
        Path("waits").touch()
        time.sleep(600)
    return float(conf.x**2)


if __name__ == "__main__":
    main()
