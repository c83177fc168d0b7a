# SPDX-License-Identifier: MIT
"""Classify handwritten digits in a plain torch loop that calls `report` and saves its checkpoints itself."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hyperopt_app import Objective, Trial, current_seed, report
from hyperopt_app.callbacks.torch import Checkpoint

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Digits"]


class Digits(Objective):
    """Trains a small dense network on scikit-learn's 1797 digits of 8 x 8 pixels.

    It returns `val_accuracy` and `val_loss` of a quarter of the digits. torch and scikit-learn are imported when a
    trial trains, so that the driver need not load them.
    """

    @classmethod
    def preload(cls, conf: Any) -> Sequence[str]:  # noqa: ARG003 - the same for all
        """What takes seconds to import, once for all trials of a worker."""
        return ("torch", "sklearn.datasets", "sklearn.model_selection")

    def train(self, trial: Trial | None, conf: Any) -> Mapping[str, float]:
        """Train for `conf.epochs` epochs and report the accuracy on a quarter of the digits after each.

        An interrupted trial goes on after its last whole epoch.

        Args:
            trial: The running trial, None outside a sweep; `current_seed` asks for its seed.
            conf: See `conf/hparams/digits.yaml`.
        """
        import torch
        from torch.nn import functional

        torch.set_num_threads(int(conf.threads))
        torch.manual_seed(current_seed(int(conf.seed)))
        train_x, train_y, valid_x, valid_y = _digits()
        network = _network(int(conf.hidden), int(conf.layers), float(conf.dropout))
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=float(conf.learning_rate), weight_decay=float(conf.weight_decay)
        )
        epochs, checkpoint = int(conf.epochs), Checkpoint(network=network, optimizer=optimizer)
        for epoch in range(checkpoint.resume() + 1, epochs + 1):
            network.train()
            for chosen in torch.split(torch.randperm(len(train_x)), int(conf.batch_size)):
                optimizer.zero_grad()
                loss = functional.cross_entropy(network(train_x[chosen]), train_y[chosen])
                loss.backward()  # type: ignore[no-untyped-call]  # torch 2.13 leaves it untyped
                optimizer.step()
            metrics = _validate(network, valid_x, valid_y)
            report(metrics["val_accuracy"], epoch)
            checkpoint.save(epoch, metrics, last=epoch == epochs)
        return checkpoint.values


def _digits() -> "tuple[Tensor, Tensor, Tensor, Tensor]":
    """Images `(n, 64)` float32 in [0, 1] and labels `(n,)` int64, for training and for validation."""
    import torch
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    parts = train_test_split(digits.data / 16, digits.target, test_size=0.25, random_state=0, stratify=digits.target)
    train_x, valid_x, train_y, valid_y = (torch.as_tensor(part) for part in parts)
    return train_x.float(), train_y.long(), valid_x.float(), valid_y.long()


def _network(hidden: int, layers: int, dropout: float) -> "nn.Sequential":
    from torch import nn

    size, stack = 64, list[nn.Module]()
    for _ in range(layers):
        stack += [nn.Linear(size, hidden), nn.ReLU(), nn.Dropout(dropout)]
        size = hidden
    return nn.Sequential(*stack, nn.Linear(size, 10))


def _validate(network: "nn.Module", images: "Tensor", labels: "Tensor") -> dict[str, float]:
    import torch
    from torch.nn import functional

    network.eval()
    with torch.no_grad():
        scores = network(images)
    right = scores.argmax(dim=1) == labels
    return {
        "val_accuracy": right.float().mean().item(),
        "val_loss": functional.cross_entropy(scores, labels).item(),
    }
