# SPDX-License-Identifier: MIT
"""Define the network of the holodec study and its loss, in plain torch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from objectives.holodec_data import TASKS

__all__ = ["HologramVAE", "Output", "kl_divergence", "relative_errors"]

_GUESS = {"binary": math.log(2)}  # what a guess costs: the cross entropy of a tossed coin ...
_GUESS_UNIFORM = 1 / 12  # ... and the variance of a uniform variable on [0, 1]


@dataclass(frozen=True)
class Output:
    """What the network makes of a batch of n images.

    Attributes:
        image: The reconstruction, shaped as the input.
        mean: Of the latent distribution, `(n, z_dim)`.
        log_variance: Of the latent distribution, `(n, z_dim)`.
        tasks: A column per task, `(n, len(tasks))`: the scaled value, for `binary` the logit.
    """

    image: Tensor
    mean: Tensor
    log_variance: Tensor
    tasks: Tensor


class HologramVAE(nn.Module):
    """A convolutional variational autoencoder with a dense head for each task, which reads the latent vector.

    Each hidden dimension is a convolution (kernel 4, stride 2), batch norm and leaky ReLU that halves the
    image; the decoder mirrors the encoder.

    Args:
        image_size: Pixels on each side of an image; a multiple of 2 ** len(hidden_dims).
        tasks: Names out of TASKS.
        image_channels: Channels of an image.
        hidden_dims: Channels after each halving; at least one.
        z_dim: Size of the latent vector.
        dense_hidden_dims: Sizes of the hidden layers of each head; may be empty.
        dense_dropouts: Dropout after each of them, in [0, 1).

    Raises:
        ValueError: The configuration describes no network; the message names the key.
    """

    def __init__(
        self,
        *,
        image_size: int,
        tasks: Sequence[str] = TASKS,
        image_channels: int = 1,
        hidden_dims: Sequence[int] = (8, 16, 32, 64),
        z_dim: int = 16,
        dense_hidden_dims: Sequence[int] = (),
        dense_dropouts: Sequence[float] = (),
    ) -> None:
        super().__init__()
        _check(image_size, tasks, hidden_dims, dense_hidden_dims, dense_dropouts)
        self.tasks = tuple(tasks)
        self._smallest = (hidden_dims[-1], *[image_size >> len(hidden_dims)] * 2)
        features = math.prod(self._smallest)
        down = [image_channels, *hidden_dims]
        self.encoder = nn.Sequential(*(_halve(*pair) for pair in pairwise(down)))
        self.to_mean = nn.Linear(features, z_dim)
        self.to_log_variance = nn.Linear(features, z_dim)
        self.from_latent = nn.Linear(z_dim, features)
        up = down[:0:-1]
        self.decoder = nn.Sequential(
            *(_double(*pair) for pair in pairwise(up)),
            nn.ConvTranspose2d(up[-1], image_channels, kernel_size=4, stride=2, padding=1),
        )
        self.heads = nn.ModuleDict({task: _dense(z_dim, dense_hidden_dims, dense_dropouts) for task in tasks})

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance, each `(n, z_dim)`, of the latent distribution of images `(n, c, side, side)`."""
        features = self.encoder(images).flatten(start_dim=1)
        return self.to_mean(features), self.to_log_variance(features).clamp(-20, 20)

    def decode(self, latent: Tensor) -> Tensor:
        """Images `(n, c, side, side)` from latent vectors `(n, z_dim)`."""
        decoded: Tensor = self.decoder(self.from_latent(latent).unflatten(1, self._smallest))
        return decoded

    def forward(self, images: Tensor) -> Output:
        """In training the latent vector is drawn from its distribution, in evaluation it is the mean."""
        mean, log_variance = self.encode(images)
        latent = mean
        if self.training:
            latent = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        tasks = torch.cat([self.heads[task](latent) for task in self.tasks], dim=1)
        return Output(self.decode(latent), mean, log_variance, tasks)


def _check(
    image_size: int,
    tasks: Sequence[str],
    hidden_dims: Sequence[int],
    dense_hidden_dims: Sequence[int],
    dense_dropouts: Sequence[float],
) -> None:
    unknown = [task for task in tasks if task not in TASKS]
    if unknown or not tasks:
        raise ValueError(f"model.tasks: {list(tasks)}; allowed are one or more of {', '.join(TASKS)}")
    if not hidden_dims or image_size % 2 ** len(hidden_dims):
        raise ValueError(
            f"model.hidden_dims: {list(hidden_dims)} halves an image of {image_size} pixels {len(hidden_dims)} "
            f"times; give between 1 and {(image_size & -image_size).bit_length() - 1} numbers, or change "
            "data.window / data.binning"
        )
    if len(dense_hidden_dims) != len(dense_dropouts):
        raise ValueError(
            f"model.dense_dropouts: {list(dense_dropouts)}; one number for each of model.dense_hidden_dims "
            f"{list(dense_hidden_dims)} is wanted"
        )


def _halve(channels_in: int, channels_out: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels_in, channels_out, kernel_size=4, stride=2, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.LeakyReLU())


def _double(channels_in: int, channels_out: int) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(channels_in, channels_out, kernel_size=4, stride=2, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.LeakyReLU())


def _dense(size: int, hidden: Sequence[int], dropouts: Sequence[float]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width, dropout in zip(hidden, dropouts, strict=True):
        layers += [nn.Linear(size, width), nn.Dropout(dropout), nn.LeakyReLU()]
        size = width
    return nn.Sequential(*layers, nn.Linear(size, 1))


def relative_errors(predicted: Tensor, targets: Tensor, tasks: Sequence[str]) -> Tensor:
    """Error of each task relative to a guess: 0 is perfect, 1 is as good as always saying one half.

    The mean squared error over 1/12 for x, y, z and d, of the windows that hold a particle; the cross entropy
    over ln 2 for `binary`. A batch without a particle costs 0 for x, y, z and d.

    Args:
        predicted: `(n, len(tasks))` as in `Output.tasks`.
        targets: `(n, 5)` as in `Tiles.targets`.
        tasks: Names of the columns of `predicted`.

    Returns:
        `(len(tasks),)`
    """
    present = targets[:, TASKS.index("binary")]
    errors = []
    for column, task in zip(predicted.unbind(dim=1), tasks, strict=True):
        wanted = targets[:, TASKS.index(task)]
        if task == "binary":
            errors.append(functional.binary_cross_entropy_with_logits(column, wanted) / _GUESS["binary"])
        else:
            squared = (column - wanted).square() * present
            errors.append(squared.sum() / present.sum().clamp(min=1) / _GUESS_UNIFORM)
    return torch.stack(errors)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the latent distributions from the standard normal one, mean over the batch."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1).mean()
