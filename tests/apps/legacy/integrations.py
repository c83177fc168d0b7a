# SPDX-License-Identifier: MIT
"""Passes its trial to the callbacks of optuna-integration, for Keras and for Lightning."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import pytorch_lightning as pl
import torch
from echo.src.base_objective import BaseObjective
from optuna.integration import KerasPruningCallback, PyTorchLightningPruningCallback


class Objective(BaseObjective):
    def __init__(self, config, metric="val_loss"):
        BaseObjective.__init__(self, config, metric)

    def train(self, trial, conf):
        value = {"keras": with_keras, "lightning": with_lightning}[conf["library"]](trial)
        return {"val_loss": value}


def with_keras(trial):
    inputs = np.linspace(-1, 1, 16)[:, None]
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callbacks = [KerasPruningCallback(trial, "loss", interval=1)]
    return model.fit(inputs, inputs, epochs=2, callbacks=callbacks, verbose=0).history["loss"][-1]


class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch, batch_idx):
        return (self.weight - 1).square().sum()

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", (self.weight - 1).square().sum())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.1)


def with_lightning(trial):
    callback = PyTorchLightningPruningCallback(trial, "val_loss")
    data = torch.utils.data.DataLoader(torch.zeros(4))
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=2,
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Module(), data, data)
    callback.check_pruned()
    return trainer.callback_metrics["val_loss"]
