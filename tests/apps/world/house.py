# SPDX-License-Identifier: MIT
"""A module that the script imports: it brings a resolver and a Hydra callback of its own."""

from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf


def size(port: int) -> float:
    """How large a house is."""
    return port / 8


class Notes(Callback):
    """Leaves a file in the output directory when a job starts, and one when it ends.

    Args:
        word: What the files say first.
    """

    def __init__(self, word: str) -> None:
        self.word = word

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Write down which job it is."""
        self._note(config, "start", config.hydra.job.num)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Write down what it has returned."""
        self._note(config, "end", job_return.return_value)

    def _note(self, config: DictConfig, name: str, fact: object) -> None:
        path = Path(config.hydra.runtime.output_dir, f"callback-{name}")
        path.write_text(f"{self.word} {fact}", encoding="utf-8")


OmegaConf.register_new_resolver("house", lambda name: f"house of {name}")
