# SPDX-License-Identifier: MIT
"""A Hydra app whose first trial fails with a text that commands a terminal and names the database that it was given."""

from typing import Any

import hydra
import optuna

import hyperopt_app


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> float:
    """Evaluate x^2, but for the first trial."""
    optuna.pruners.WilcoxonPruner()  # which Optuna warns of, so that the study has a file of that
    trial = hyperopt_app.current_trial()
    if trial is not None and trial.number == 0:
        raise ValueError(f"\x1b]0;owned\x07no table in {conf.db.url}")
    return float(conf.x**2)


if __name__ == "__main__":
    main()
