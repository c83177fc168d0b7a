# SPDX-License-Identifier: MIT
"""Read the overrides of the user's command from `hydra.overrides`, without resolving interpolations in them."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

__all__ = ["hydra_words", "task_words"]


def hydra_words(config: DictConfig) -> list[str]:
    """Return the overrides of `hydra.` as text.

    Hydra keeps them in a node of the config, where each `${...}` in them is an interpolation. Some have no value before
    a job runs (`hydra.sweep.subdir=job_${hydra.job.id}`), so none is resolved here.
    """
    return _words_of(config.hydra.overrides.hydra)


def task_words(config: DictConfig) -> list[str]:
    """Return all other overrides as text, also unresolved."""
    return _words_of(config.hydra.overrides.task)


def _words_of(node: Any) -> list[str]:
    words: Any = OmegaConf.to_container(node, resolve=False)
    return [str(word) for word in words]
