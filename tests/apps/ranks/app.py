# SPDX-License-Identifier: MIT
"""A Hydra app whose trials have two ranks; `how` says how they are started, `what` what happens to them."""

import os
import subprocess
import sys
from typing import Any

import hydra


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> Any:
    """Train."""
    if conf.how == "program":  # as Lightning does it, without Lightning
        return {"val_loss": subprocess.Popen([sys.executable, *sys.argv], env={**os.environ, "LOCAL_RANK": "1"}).wait()}
    import trainings  # type: ignore[import-not-found]  # beside this file, which is run as a script

    return trainings.train(conf)


if __name__ == "__main__":
    main()
