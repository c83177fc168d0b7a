# SPDX-License-Identifier: MIT
"""Define the LightningModule and the data module of the holodec study."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pytorch_lightning import LightningDataModule, LightningModule
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer

from objectives.holodec_data import TASKS, Batches, load_tiles
from objectives.holodec_model import HologramVAE, Output, kl_divergence, relative_errors
from objectives.holodec_tiles import Tiles
from objectives.optimizers import make_optimizer

__all__ = ["HolodecData", "HolodecModule"]


class HolodecData(LightningDataModule):
    """Training and validation windows; made or read from the cache when Lightning sets it up.

    Args:
        data: The configuration's section `data`.
        seed: Of the order of the training windows.
    """

    def __init__(self, data: Mapping[str, Any], seed: int) -> None:
        super().__init__()
        self._data, self._seed = data, seed
        self._tiles: tuple[Tiles, Tiles] | None = None

    def setup(self, stage: str) -> None:
        """Load the windows once; `stage` makes no difference."""
        if self._tiles is None:
            trainer = self.trainer
            device = torch.device("cpu") if trainer is None else trainer.strategy.root_device
            train, valid = load_tiles(self._data, device)
            # Unit variance, so that a reconstruction error of 1 is what an empty image costs.
            scale = train.images.std().clamp(min=1e-6)
            self._tiles = Tiles(train.images / scale, train.targets), Tiles(valid.images / scale, valid.targets)

    def train_dataloader(self) -> Batches:
        """Batches in an order that depends on seed and epoch alone."""
        return Batches(self._loaded[0], int(self._data["batch_size"]), self._seed)

    def val_dataloader(self) -> Batches:
        """Batches in their given order."""
        return Batches(self._loaded[1], 4 * int(self._data["batch_size"]))

    @property
    def _loaded(self) -> tuple[Tiles, Tiles]:
        if self._tiles is None:
            raise RuntimeError("HolodecData.setup has not run")
        return self._tiles


class HolodecModule(LightningModule):
    """Trains a `HologramVAE`, with weights for the two terms of the autoencoder.

        loss = mean over tasks of relative_errors + alpha * reconstruction + beta * KL / pixels

    `reconstruction` is the mean squared error per pixel (1 for an empty image), so alpha = beta is a
    variational autoencoder's bound up to a factor. It logs `val_loss`, the mean of the tasks' relative errors
    alone: 1 is a guess, 0 is perfect, and runs with different alpha and beta compare. Beside it: `val_x`
    and so on for each task, `val_accuracy` (of `binary`), `val_reconstruction`, `val_kl` and `train_loss`.

    Args:
        network: Arguments of `HologramVAE`.
        optimizer: The configuration's section: type, learning_rate, weight_decay.
        alpha: Weight of the reconstruction, >= 0.
        beta: Weight of the Kullback-Leibler divergence, >= 0.
        seed: Of weights and noise; each epoch has its own, so a resumed run repeats an uninterrupted one.
    """

    def __init__(
        self, network: Mapping[str, Any], optimizer: Mapping[str, Any], *, alpha: float, beta: float, seed: int
    ) -> None:
        super().__init__()
        self._optimizer = dict(optimizer)
        self._alpha, self._beta, self._seed = alpha, beta, seed
        torch.manual_seed(seed)
        self.network = HologramVAE(**network)
        self._seen: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def configure_optimizers(self) -> Optimizer:
        """The optimizer named in the configuration."""
        return make_optimizer(
            str(self._optimizer["type"]),
            self.network,
            learning_rate=float(self._optimizer["learning_rate"]),
            weight_decay=float(self._optimizer["weight_decay"]),
        )

    def on_train_epoch_start(self) -> None:
        """Give the epoch its own random numbers."""
        torch.manual_seed(self._seed * 1_000_003 + self.current_epoch)

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> Tensor:
        """The loss of one batch."""
        images, targets = batch
        output: Output = self.network(images)
        errors = relative_errors(output.tasks, targets, self.network.tasks)
        loss = errors.mean()
        loss = loss + self._alpha * functional.mse_loss(output.image, images)
        loss = loss + self._beta * kl_divergence(output.mean, output.log_variance) / images[0].numel()
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(images))
        return loss

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        """Keep what the metrics need; they are computed once for the whole set, whatever the batches."""
        images, targets = batch
        output: Output = self.network(images)
        count = len(images)
        reconstruction = functional.mse_loss(output.image, images) * count
        kl = kl_divergence(output.mean, output.log_variance) * count
        self._seen.append((output.tasks, targets, reconstruction, kl))

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the whole validation set."""
        predicted, targets = (torch.cat(column) for column in list(zip(*self._seen, strict=True))[:2])
        reconstruction, kl = (torch.stack(column).sum() for column in list(zip(*self._seen, strict=True))[2:])
        self._seen.clear()
        tasks = self.network.tasks
        errors = relative_errors(predicted, targets, tasks)
        self.log("val_loss", errors.mean())
        self.log_dict({f"val_{task}": error for task, error in zip(tasks, errors, strict=True)})
        self.log_dict({"val_reconstruction": reconstruction / len(targets), "val_kl": kl / len(targets)})
        if "binary" in tasks:
            right = (predicted[:, tasks.index("binary")] > 0) == (targets[:, TASKS.index("binary")] > 0)
            self.log("val_accuracy", right.float().mean())
