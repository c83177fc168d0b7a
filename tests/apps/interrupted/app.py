# SPDX-License-Identifier: MIT
"""Trains a small network in one of three frameworks; waits in the middle of its third epoch to be interrupted there.

`begun.txt` in the trial's directory has a line for each epoch that began, `weights.bin` the bytes of the final weights.
"""

from __future__ import annotations  # cloudpickle misses the names in bodies of classes inside functions

import importlib
import random
import time
from pathlib import Path
from typing import Any

import hydra
import numpy as np

import hyperopt_app

BATCHES = 4


def _data() -> tuple[Any, Any]:
    inputs = np.linspace(-1, 1, BATCHES * 8, dtype="float32")[:, None]
    return inputs, np.sin(3 * inputs)


def _begin(epoch: int) -> None:
    with (_directory() / "begun.txt").open("a") as notes:
        notes.write(f"{epoch}\n")


def _wait_in_the_middle(conf: Any, epoch: int, batch: int) -> None:
    """Only in the first attempt; epochs are counted from 1 and batches from 0."""
    trial = hyperopt_app.current_trial()
    if trial is None or trial.resumed or conf.interrupted == "none" or (epoch, batch) != (3, 2):
        return
    (trial.directory / "waits").touch()
    while True:
        time.sleep(0.05)


def _directory() -> Path:
    trial = hyperopt_app.current_trial()
    assert trial is not None
    return trial.directory


def _keep(arrays: Any) -> None:
    (_directory() / "weights.bin").write_bytes(b"".join(np.asarray(array).tobytes() for array in arrays))


def by_torch(conf: Any) -> dict[str, float]:
    """A loop by hand: momentum, a scheduler, dropout, shuffling, and noise from three generators."""
    import torch
    from torch import nn

    from hyperopt_app.callbacks.torch import Checkpoint

    torch.set_num_threads(1)
    inputs, wanted = (torch.from_numpy(array) for array in _data())
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.7)
    scaler, own = torch.amp.GradScaler("cpu"), torch.Generator().manual_seed(conf.seed)
    checkpoint = Checkpoint(model=model, optimizer=optimizer, scheduler=scheduler, scaler=scaler, own=own)
    for epoch in range(checkpoint.resume() + 1, conf.epochs + 1):
        _begin(epoch)
        order = torch.randperm(len(inputs), generator=own)
        for batch, chosen in enumerate(order.split(8)):  # type: ignore[no-untyped-call]  # torch 2.13 leaves it untyped
            _wait_in_the_middle(conf, epoch, batch)
            noise = 0.01 * random.random() + 0.01 * float(np.random.rand()) + 0.01 * torch.rand(())  # noqa: NPY002
            loss = nn.functional.mse_loss(model(inputs[chosen] + noise), wanted[chosen])
            optimizer.zero_grad()
            scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            scaler.step(optimizer)
            scaler.update()
        scheduler.step()
        hyperopt_app.report(loss.item(), epoch)
        checkpoint.save(epoch, {"loss": loss.item()}, last=epoch == conf.epochs)
    _keep(parameter.detach().numpy() for parameter in model.parameters())
    return checkpoint.values


def by_keras(conf: Any) -> dict[str, float]:
    """`model.fit` with shuffling, dropout and momentum, on the backend torch."""
    import torch

    torch.set_num_threads(1)
    keras: Any = importlib.import_module("keras")

    from hyperopt_app.callbacks.keras import HyperoptCallback

    class Waits(keras.callbacks.Callback):  # type: ignore[misc]
        """Waits in the middle of an epoch."""

        epoch = 0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epoch = epoch + 1
            _begin(self.epoch)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            _wait_in_the_middle(conf, self.epoch, batch)

    keras.utils.set_random_seed(conf.seed)
    model = keras.Sequential([keras.layers.Dense(8, "tanh"), keras.layers.Dropout(0.2), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    inputs, wanted = _data()
    callbacks = [HyperoptCallback("loss"), Waits()]
    history = model.fit(inputs, wanted, batch_size=8, epochs=conf.epochs, callbacks=callbacks, verbose=0).history
    assert len(history["loss"]) == conf.epochs
    _keep(model.get_weights())
    return {"loss": float(history["loss"][-1])}


def by_lightning(conf: Any) -> dict[str, float]:
    """A Trainer with the callback; the data loader shuffles."""
    import pytorch_lightning as pl
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    from hyperopt_app.callbacks.lightning import HyperoptCallback, resume_path

    torch.set_num_threads(1)

    class Module(pl.LightningModule):
        """Two layers with dropout."""

        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))

        def on_train_epoch_start(self) -> None:
            _begin(self.current_epoch + 1)

        def training_step(self, batch: Any, number: int) -> Any:
            _wait_in_the_middle(conf, self.current_epoch + 1, number)
            inputs, wanted = batch
            loss = nn.functional.mse_loss(self.net(inputs), wanted)
            self.log("loss", loss, on_epoch=True)
            return loss

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.Adam(self.parameters(), lr=0.05)
            return [optimizer], [torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.7)]

    model, data = Module(), TensorDataset(*(torch.from_numpy(array) for array in _data()))
    trainer = pl.Trainer(
        max_epochs=conf.epochs,
        callbacks=[HyperoptCallback("loss")],
        enable_checkpointing=False,
        enable_progress_bar=False,
        logger=False,
        accelerator="cpu",
    )
    trainer.fit(model, DataLoader(data, batch_size=8, shuffle=True), ckpt_path=resume_path())
    _keep(parameter.detach().numpy() for parameter in model.parameters())
    return {"loss": float(trainer.callback_metrics["loss"])}


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> dict[str, float]:
    """Train with the framework that the config names."""
    return {"torch": by_torch, "keras": by_keras, "lightning": by_lightning}[conf.framework](conf)


if __name__ == "__main__":
    main()
