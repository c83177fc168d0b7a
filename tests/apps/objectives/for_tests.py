# SPDX-License-Identifier: MIT
"""Objectives for `python -m hyperopt_app`: one that is a number, one that never works, one that is none."""

from typing import Any

from hyperopt_app import Objective, Trial


class Number(Objective):
    """Returns a bare number, as hydra-optuna-sweeper wants it."""

    def train(self, trial: Trial | None, conf: Any) -> float:
        """Square."""
        return float(conf.x**2)


class Broken(Objective):
    """Always fails in the same way."""

    def train(self, trial: Trial | None, conf: Any) -> float:
        """Look for a layer that is not there."""
        raise LookupError(f"no layer of width {conf.steps}")


class Undecided:
    """Has the method, but is no Objective."""

    def train(self, trial: Trial | None, conf: Any) -> float:
        """Never called."""
        return 0.0
