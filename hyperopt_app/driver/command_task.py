# SPDX-License-Identifier: MIT
"""Wrap the task function so that a command can pass arguments to the driver."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hyperopt_app.support.wording import HYDRA_WORDING, Wording

__all__ = ["CommandTask"]


def _do_nothing() -> None:
    pass


@dataclass
class CommandTask:
    """A task function together with the command's arguments for the driver.

    Hydra makes the sweeper itself and passes it nothing of ours but the task function. `driver.sweep` takes the task
    out again, so that workers get that alone.

    Attributes:
        task: What the trials run.
        wording: How the command names its settings.
        accepted: Called once the study is made or found and nothing is wrong, before a worker starts.
    """

    task: Callable[[Any], Any]
    wording: Wording = HYDRA_WORDING
    accepted: Callable[[], None] = _do_nothing

    def __post_init__(self) -> None:
        """Copy the task's metadata: Hydra reads the name of the job and of the program from it."""
        functools.update_wrapper(self, self.task)

    def __call__(self, config: Any) -> Any:
        """Run the task."""
        return self.task(config)
