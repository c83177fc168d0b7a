# SPDX-License-Identifier: MIT
"""A Lightning training that has its own worker told to end in its last epoch, once."""

import os
import signal
from typing import Any

import hydra
import pytorch_lightning as pl
import torch

import hyperopt_app
from hyperopt_app.callbacks.lightning import HyperoptCallback, resume_path


class Number(pl.LightningModule):
    """Trains one number."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch: Any, _index: int) -> Any:
        """The distance from 1; in the last epoch the worker is told to end."""
        trial = hyperopt_app.current_trial()
        told = None if trial is None else trial.directory / "told"
        if trial is not None and told is not None and self.current_epoch == 1 and not told.exists():
            told.touch()
            os.kill(trial.user_attrs["claim"]["pid"], signal.SIGTERM)
        return (self.weight - 1).square().sum() + 0 * batch.sum()

    def validation_step(self, _batch: Any, _index: int) -> None:
        """Log the distance."""
        self.log("val_loss", (self.weight - 1).square().sum())

    def configure_optimizers(self) -> Any:
        """Any."""
        return torch.optim.SGD(self.parameters(), lr=0.1)


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> float:
    """Two epochs; `begins.txt` in the trial's directory has a line for each attempt."""
    trial = hyperopt_app.current_trial()
    if trial is not None:
        with (trial.directory / "begins.txt").open("a") as notes:
            notes.write("begins\n")
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=2,
        callbacks=[HyperoptCallback("val_loss")],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    data: Any = torch.utils.data.DataLoader([torch.zeros(1)] * 4)  # type: ignore[arg-type]
    trainer.fit(Number(), data, data, ckpt_path=resume_path())
    return float(conf.x)


if __name__ == "__main__":
    main()
