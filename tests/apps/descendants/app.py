# SPDX-License-Identifier: MIT
"""A Hydra app whose objective forks and spawns, as `what` says."""

from typing import Any

import descent  # type: ignore[import-not-found]  # beside this file, which is run as a script
import hydra

import hyperopt_app


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> float:
    """Do it."""
    trial = hyperopt_app.current_trial()
    assert trial is not None
    return float(descent.work(trial, conf.what))


if __name__ == "__main__":
    main()
