# SPDX-License-Identifier: MIT
"""What the Lightning callback asks about a training: its direction, its process's signals, and whether it is over."""

import signal
import threading
from collections.abc import Sequence
from typing import Any

from hyperopt_app.errors import MetricError

__all__ = ["check_mode", "end_handlers", "is_over"]


def check_mode(mode: str | None, directions: Sequence[str]) -> None:
    """Refuse a mode that contradicts the study: its pruner would end the best trials."""
    if mode is not None and len(directions) == 1 and not directions[0].startswith(mode):
        raise MetricError(
            f"HyperoptCallback(mode={mode!r}): hydra.sweeper.direction is {directions[0]}; correct one of them"
        )


def end_handlers() -> dict[int, Any]:
    """Return the handlers of the signals that Lightning answers; none in a thread, where it answers none."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)}


def is_over(trainer: Any) -> bool:
    """Whether the training ends with this epoch."""
    has_ended = trainer.max_epochs not in (None, -1) and (
        trainer.fit_loop.epoch_progress.current.processed >= trainer.max_epochs
    )
    return bool(has_ended or trainer.should_stop or 0 <= trainer.max_steps <= trainer.global_step)
