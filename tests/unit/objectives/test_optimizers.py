# SPDX-License-Identifier: MIT
"""Optimizers by name."""
# ruff: noqa: E402 - torch is an extra: what needs it is imported once it is known to be there.

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("pytorch_optimizer")

from objectives.optimizers import make_optimizer


def model() -> Any:
    torch.manual_seed(0)
    return torch.nn.Linear(4, 1)


@pytest.mark.parametrize("name", ["adam", "AdamW", "sgd", "diffgrad", "lookahead-diffgrad", "lookahead-radam"])
def test_a_named_optimizer_lowers_a_loss(name: str) -> None:
    """The README's names and torch's own train a small model."""
    network = model()
    optimizer = make_optimizer(name, network, learning_rate=0.05, weight_decay=1e-4)
    x = torch.arange(20.0).reshape(5, 4) / 20
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = (network(x) - 1).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    assert optimizer.param_groups[0]["lr"] == 0.05


def test_the_prefix_wraps_the_named_optimizer() -> None:
    """`lookahead-diffgrad` is Lookahead around DiffGrad."""
    optimizer = make_optimizer("lookahead-diffgrad", model(), learning_rate=0.1, weight_decay=0.0)
    assert type(optimizer).__name__ == "Lookahead"
    assert type(optimizer.optimizer).__name__ == "DiffGrad"  # type: ignore[attr-defined]  # of Lookahead alone


@pytest.mark.parametrize(("name", "near"), [("adamm", "adam"), ("lookahead-difgrad", "diffgrad"), ("???", "adamw")])
def test_an_unknown_name_is_told_with_near_ones(name: str, near: str) -> None:
    """The message names the key, what came, and names that exist."""
    with pytest.raises(ValueError, match=rf"optimizer\.type: .*near it are .*\b{near}\b"):
        make_optimizer(name, model(), learning_rate=0.1, weight_decay=0.0)
