# SPDX-License-Identifier: MIT
"""Suggest improvements to a command that works, each once, with the lines to add."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hyperopt_app.config.command_line import task_words
from hyperopt_app.config.presets import is_preset
from hyperopt_app.launchers.registry import launcher_row
from hyperopt_app.settings.reading import Settings
from hyperopt_app.support.plain_yaml import plain_yaml

__all__ = ["has_the_time_in_it", "launch_note", "old_dialect_note"]

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
_NOW = re.compile(r"\$\{\s*now\s*:")


def old_dialect_note(translated: Mapping[str, Any]) -> Iterator[str]:
    """Say what to write instead of names that hydra-optuna-sweeper has dropped."""
    if translated:
        text = plain_yaml({"hydra": {"sweeper": translated}}).rstrip()
        yield f"This config has names of an older hydra-optuna-sweeper. They are understood; write instead:\n{text}"


def launch_note(config: DictConfig, settings: Settings) -> Iterator[str]:
    """Warn that workers run one after the other, or that the command would not resume, with the lines that help."""
    notes, lines = [], []
    if settings.n_jobs == 1 and any(map(is_preset, task_words(config))):
        yield "There is one worker, since hydra.sweeper.n_jobs is 1; hydra.sweeper.n_jobs=4 has four at a time."
    if launcher_row(config).runs_in == "driver" and settings.n_jobs > 1:
        notes.append(f"the {settings.n_jobs} workers run one after the other, since hydra/launcher is basic")
        lines.append("defaults: [..., {override /hydra/launcher: local_workers}]")
    if settings.storage is None and has_the_time_in_it(config):
        notes.append("the same command begins another study, since hydra.sweep.dir has the time in it")
        lines.append(f"hydra: {{sweep: {{dir: studies/{config.hydra.job.name}}}}}")
    if notes:
        what = "; ".join(notes)
        shown = "\n".join(f"  {line}" for line in lines)
        yield f"{what[0].upper()}{what[1:]}. What helps, in the config:\n{shown}\nor, typed: +hyperopt=local"


def has_the_time_in_it(config: DictConfig) -> bool:
    """Whether the sweep's directory depends on the time, also through a value that it refers to."""
    plain: Any = OmegaConf.to_container(config, resolve=False)
    texts, seen = [str(plain["hydra"]["sweep"]["dir"])], set[str]()
    while texts:
        text = texts.pop()
        if _NOW.search(text):
            return True
        for key in set(_REFERENCE.findall(text)) - seen:
            seen.add(key)
            texts.append(str(_at(plain, key)))
    return False


def _at(plain: Any, key: str) -> Any:
    for word in key.split("."):
        plain = plain.get(word) if isinstance(plain, Mapping) else None
    return plain
