# SPDX-License-Identifier: MIT
"""A training with Lightning on two ranks."""

import logging
import warnings
from typing import Any

import pytorch_lightning as pl
import torch
import trainings  # type: ignore[import-not-found]
from hydra.utils import instantiate

from hyperopt_app.callbacks.lightning import HyperoptCallback, resume_path

for name in ("pytorch_lightning", "lightning.pytorch"):
    logging.getLogger(name).setLevel(logging.ERROR)
warnings.filterwarnings("ignore")


class Module(pl.LightningModule):
    """One number that goes to one, the faster the larger the learning rate is."""

    def __init__(self, conf: Any) -> None:
        super().__init__()
        self.conf = conf
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def on_train_epoch_start(self) -> None:
        """Note the epoch."""
        trainings.note(self.global_rank, epoch=self.current_epoch, world=self.trainer.world_size, x=self.conf.x)
        trainings.happen(self.conf.what, self.global_rank, self.current_epoch)

    def training_step(self, _batch: Any, _index: int) -> Any:
        """Go towards one."""
        return (self.weight - 1).square().sum()

    def validation_step(self, _batch: Any, _index: int) -> None:
        """Log what is optimised."""
        self.log("val_loss", (self.weight - 1).square().sum())

    def configure_optimizers(self) -> Any:
        """The plainest."""
        return torch.optim.SGD(self.parameters(), lr=float(self.conf.x))


def train(conf: Any) -> Any:
    """Train, and return what the callback's metric came to."""
    named = "callbacks" in conf  # as in with_callbacks.yaml
    callbacks = [instantiate(node) for node in conf.callbacks.values()] if named else [HyperoptCallback()]
    nodes = 2 if conf.how == "ddp_nodes" else 1
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=trainings.RANKS // nodes,
        num_nodes=nodes,
        strategy="ddp" if nodes > 1 else conf.how,
        max_epochs=conf.epochs,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=named,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    module = Module(conf)
    path = conf.ckpt_path if named else resume_path()
    trainer.fit(module, trainings.data(4), trainings.data(2), ckpt_path=path)
    return {"val_loss": float(trainer.callback_metrics["val_loss"]), "weight": float(module.weight)}
