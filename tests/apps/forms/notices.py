# SPDX-License-Identifier: MIT
"""A Hydra callback of the app itself."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback


class Notices(Callback):
    """Leaves a line for each job that starts."""

    def __init__(self, file: str) -> None:
        self._file = file

    def on_job_start(self, config: Any, **kwargs: Any) -> None:
        """Note the value that is tried."""
        with Path(self._file).open("a", encoding="utf-8") as lines:
            lines.write(f"{config.model.lr}\n")
