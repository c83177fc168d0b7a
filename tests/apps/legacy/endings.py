# SPDX-License-Identifier: MIT
"""Ends each trial in the way that its parameter names."""

import optuna
from echo.src.base_objective import BaseObjective


class Objective(BaseObjective):
    def __init__(self, config, metric="val_loss"):
        BaseObjective.__init__(self, config, metric)

    def train(self, trial, conf):
        ending = conf["ending"]
        if ending == "pruned":
            raise optuna.TrialPruned()
        if ending == "old":
            raise optuna.structs.TrialPruned("by its name of Optuna 1")
        if ending == "raises":
            raise ValueError("the user's own mistake")
        if ending == "oom":
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        if ending == "none":
            return None
        return {"val_loss": float("nan") if ending == "diverges" else 1.0, "ending": ending}
