# SPDX-License-Identifier: MIT
"""Create an optimizer of the library pytorch_optimizer by its name."""

import difflib

from torch import nn
from torch.optim import Optimizer

__all__ = ["LOOKAHEAD", "make_optimizer"]

LOOKAHEAD = "lookahead-"


def make_optimizer(name: str, model: nn.Module, *, learning_rate: float, weight_decay: float) -> Optimizer:
    """The named optimizer for all parameters of a model.

    Args:
        name: A name of `pytorch_optimizer.get_supported_optimizers()`, torch's own (adam, adamw, sgd, ...)
            among them, in any case; the prefix `lookahead-` wraps it in Lookahead (k = 5, alpha = 0.5).
        model: Its biases and norms are not decayed.
        learning_rate: > 0.
        weight_decay: >= 0.

    Raises:
        ValueError: No optimizer has this name; the nearest names are shown.
    """
    import pytorch_optimizer

    plain = name.lower().removeprefix(LOOKAHEAD)
    known = [str(each) for each in pytorch_optimizer.get_supported_optimizers()]
    if plain not in known:
        near = difflib.get_close_matches(plain, known, n=5, cutoff=0.5) or ["adam", "adamw", "diffgrad", "sgd"]
        raise ValueError(
            f"optimizer.type: unknown optimizer {name!r}; near it are {', '.join(near)}, each also with the "
            f"prefix {LOOKAHEAD!r}. pytorch_optimizer.get_supported_optimizers() lists all."
        )
    return pytorch_optimizer.create_optimizer(
        model, plain, lr=learning_rate, weight_decay=weight_decay, use_lookahead=name.lower().startswith(LOOKAHEAD)
    )
