# SPDX-License-Identifier: MIT
"""The README's template for Keras, filled in: the base class, its callback, custom updates, a results dictionary."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from aimlutils.hyper_opt.base_objective import *
from aimlutils.hyper_opt.utils import KerasPruningCallback


class Objective(BaseObjective):
    def __init__(self, study, config, metric="val_loss", device="cpu"):
        # Initialize the base class
        BaseObjective.__init__(self, study, config, metric, device)

    def train(self, trial, conf):
        # Make any custom edits to the model conf before using it to train a model.
        conf = custom_updates(trial, conf)
        keras.utils.set_random_seed(1)
        inputs = np.linspace(-1, 1, 64)[:, None]
        wanted = 3 * inputs + 1
        model = keras.Sequential([keras.layers.Dense(width) for width in conf["model"]["dense_hidden_dims"]])
        model.compile(keras.optimizers.SGD(conf["optimizer"]["learning_rate"]), "mse", metrics=["mae"])

        callbacks = [KerasPruningCallback(trial, self.metric, interval=1)]
        result = model.fit(
            inputs,
            wanted,
            validation_data=(inputs, wanted),
            epochs=conf["trainer"]["epochs"],
            callbacks=callbacks,
            verbose=0,
        ).history

        if trial.should_prune():
            raise optuna.TrialPruned()

        return {
            "val_loss": result["val_loss"][-1],
            "loss": result["loss"],
            "val_mae": np.float32(result["val_mae"][-1]),
        }


def custom_updates(trial, conf):
    hyperparameters = conf["optuna"]["parameters"]
    num_dense = trial.suggest_discrete_uniform(**hyperparameters["num_dense"])
    conf["model"]["dense_hidden_dims"] = [4] * num_dense + [1]
    return conf
