# SPDX-License-Identifier: MIT
"""Made data and a small network that tells two arms of a spiral apart."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import torch
from torch.utils.data import DataLoader, TensorDataset


class Spirals(lightning.LightningDataModule):
    """Two arms with noise, the same numbers in every process.

    Args:
        data_dir: Where a real project would keep its files; it must be there.
        n_points: Of training and validation together.
        batch_size: Of the training.
    """

    def __init__(self, data_dir: str, n_points: int, batch_size: int) -> None:
        super().__init__()
        self.data_dir, self.batch_size = Path(data_dir), batch_size
        made = torch.Generator().manual_seed(0)
        radius = torch.rand(n_points, generator=made)
        arm = torch.arange(n_points) % 2
        angle = 2 * math.pi * radius + math.pi * arm
        points = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
        self.points = TensorDataset(points + 0.02 * torch.randn(n_points, 2, generator=made), arm.float())

    def prepare_data(self) -> None:
        """Look for the folder."""
        if not self.data_dir.is_dir():
            raise FileNotFoundError(self.data_dir)

    def _part(self, begin: float, end: float) -> TensorDataset:
        length = len(self.points)
        return TensorDataset(*self.points[int(begin * length) : int(end * length)])

    def train_dataloader(self) -> Any:
        """Three quarters."""
        return DataLoader(self._part(0, 0.75), batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self) -> Any:
        """The rest."""
        return DataLoader(self._part(0.75, 1), batch_size=256)

    test_dataloader = val_dataloader


class Net(lightning.LightningModule):
    """One hidden layer.

    Args:
        width: Of the hidden layer.
        optimizer: Makes the optimizer from the parameters.
        epoch_s: Seconds that an epoch takes at least.
        notes: File that has a line for each epoch that was begun.
    """

    def __init__(self, width: int, optimizer: Callable[..., Any], epoch_s: float, notes: str) -> None:
        super().__init__()
        self.make_optimizer, self.epoch_s, self.notes = optimizer, epoch_s, Path(notes)
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, width), torch.nn.Tanh(), torch.nn.Linear(width, 1))
        self.best = 0.0
        self._right: list[torch.Tensor] = []

    def on_train_epoch_start(self) -> None:
        """Note the epoch, and take as long as a real network would."""
        with self.notes.open("a", encoding="utf-8") as notes:
            notes.write(f"{self.current_epoch}\n")
        time.sleep(self.epoch_s)

    def training_step(self, batch: Any, index: int) -> Any:
        """Log the loss."""
        points, arm = batch
        loss = torch.nn.functional.binary_cross_entropy_with_logits(self.layers(points)[:, 0], arm)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        """Count what is right."""
        points, arm = batch
        self._right.append(((self.layers(points)[:, 0] > 0) == (arm > 0)).float())

    def on_validation_epoch_end(self) -> None:
        """Log the accuracy, and the best one so far."""
        accuracy = float(torch.cat(self._right).mean())
        self._right.clear()
        if not self.trainer.sanity_checking:
            self.best = max(self.best, accuracy)
        self.log("val/acc", accuracy)
        self.log("val/acc_best", self.best)

    def test_step(self, batch: Any, index: int) -> None:
        """Log the accuracy."""
        points, arm = batch
        self.log("test/acc", ((self.layers(points)[:, 0] > 0) == (arm > 0)).float().mean())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the best accuracy."""
        checkpoint["best"] = self.best

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it up again."""
        self.best = checkpoint["best"]

    def configure_optimizers(self) -> Any:
        """What the config names."""
        return self.make_optimizer(self.parameters())
