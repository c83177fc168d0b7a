# SPDX-License-Identifier: MIT
"""A Hydra app that trains twice in each trial with Lightning, as docs/objectives.md shows; the value counts epochs."""

import signal
from typing import Any

import hydra
import pytorch_lightning as pl
import torch

import hyperopt_app
from hyperopt_app.callbacks.lightning import HyperoptCallback, resume_path

EPOCHS = 3


class Module(pl.LightningModule):
    """One number; it remembers how many epochs it was trained in."""

    def __init__(self, interrupt_at: int | None) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.interrupt_at = interrupt_at
        self.epochs = 0

    def training_step(self, _batch: Any, _index: int) -> Any:
        """One batch an epoch."""
        if self.current_epoch == self.interrupt_at:
            signal.raise_signal(signal.SIGTERM)
        self.epochs += 1
        return (self.weight - 1).square().sum()

    def validation_step(self, _batch: Any, _index: int) -> None:
        """Log what is optimised."""
        self.log("val_loss", (self.weight - 1).square().sum())

    def configure_optimizers(self) -> Any:
        """The plainest."""
        return torch.optim.SGD(self.parameters(), lr=0.1)


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> float:
    """How many epochs both fits have trained in this attempt."""
    trial, epochs = hyperopt_app.current_trial(), 0
    data: Any = torch.utils.data.DataLoader(torch.zeros(1))  # type: ignore[arg-type]  # as good as a dataset
    for fit in range(2):
        # The release that had the fault knows no names.
        name: dict[str, Any] = {"fit": f"fold{fit}"} if conf.names else {}
        interrupted = conf.interrupted == fit and trial is not None and not trial.resumed
        module = Module(1 if interrupted else None)
        trainer = pl.Trainer(
            accelerator="cpu",
            max_epochs=EPOCHS,
            callbacks=[HyperoptCallback("val_loss", **name)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(module, data, data, ckpt_path=resume_path(**name))
        epochs += module.epochs
    return float(epochs)


if __name__ == "__main__":
    main()
