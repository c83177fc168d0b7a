# SPDX-License-Identifier: MIT
"""Dialect B1: a device in the constructor, and modules beside it that it imports."""

import pickle

from echo.src.base_objective import BaseObjective
from echo.src.trial_suggest import trial_suggest_loader
from model import Model


class Saved:
    """Can be pickled by its name while the objective runs."""

    def __init__(self, value):
        self.value = value


class Objective(BaseObjective):
    def __init__(self, config, metric="val_loss", device="cpu"):
        BaseObjective.__init__(self, config, metric, device)
        self.known_at_once = (self.device, self.metric, self.worker_index, self.results_fn)

    def train(self, trial, conf):
        import later

        saved = pickle.loads(pickle.dumps(Saved(conf["x"])))
        width = trial_suggest_loader(trial, conf["optuna"]["parameters"]["width"])
        return {"val_loss": Model(width).loss(saved.value) + later.NOTHING, "module": Saved.__module__}
