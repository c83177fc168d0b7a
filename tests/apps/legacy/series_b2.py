# SPDX-License-Identifier: MIT
"""Dialect B2: no device in the constructor, names from a star import, results of pandas and numpy."""

import argparse

import numpy as np
from echo.src.base_objective import *


class Objective(BaseObjective):
    def __init__(self, config, metric="val_loss"):
        BaseObjective.__init__(self, config, metric)
        self.seen_device = self.device

    def train(self, trial, conf):
        arguments, _ = argparse.ArgumentParser().parse_known_args()
        history = pd.Series([conf["x"], conf["x"] / 2], index=["start", "end"])
        frame = pd.DataFrame({"loss": history})
        found = defaultdict(list)
        found["all"].append(random.random())
        if not trial:
            history = history * 0
        return {
            "val_loss": np.float64(history["end"]),
            "history": history,
            "array": np.array([1, 2]),
            "frame": frame,
            "flag": np.bool_(True),
            "word": "done",
            "arguments": str(arguments),
            "device": self.seen_device,
        }
