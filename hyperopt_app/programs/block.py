# SPDX-License-Identifier: MIT
"""Check the config's node `objective` of a command, before anything is started."""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hyperopt_app.errors import ConfigError
from hyperopt_app.programs.environment import search_path_of_programs
from hyperopt_app.programs.program import path_of
from hyperopt_app.ranks.nodes import layout_of
from hyperopt_app.support.display_text import did_you_mean, shortened, visible

__all__ = ["faults_of_block", "refuse_over_ranks", "warn_of_missing_program", "word_text"]

_log = logging.getLogger(__name__)

_EXAMPLE = '[python, train.py, "--lr=${learning_rate}"]'


def faults_of_block(conf: DictConfig, fields: Sequence[str]) -> list[str]:
    """Return all that is wrong with `objective`, one line each.

    Args:
        conf: The composed configuration.
        fields: The names that the objective's constructor takes.
    """
    node = conf.objective
    faults = [
        f"{name} is not a field of a command{did_you_mean(str(name), fields)}; its fields are {', '.join(fields)}"
        for name in node
        if name not in fields and not str(name).startswith("_")
    ]
    faults += [*_faults_of_words(node), *_faults_of_ranks(conf)]
    metrics, fault = _read_field(node, "metrics")
    if fault:
        faults.append(fault)
    elif metrics is not None and not (isinstance(metrics, str) and metrics.strip()):
        faults.append(f"metrics is {shortened(repr(metrics))}; write the path of a file, as metrics.jsonl")
    grace_s, fault = _read_field(node, "grace_s")
    if fault:
        faults.append(fault)
    elif grace_s is not None and not _is_seconds(grace_s):
        faults.append(f"grace_s is {shortened(repr(grace_s))}; write a number of seconds from 0")
    return faults


def _faults_of_words(node: DictConfig) -> list[str]:
    if "command" not in node:
        return [f"command is missing; write the program and its arguments as a list, {_EXAMPLE}"]
    words, fault = _read_field(node, "command")
    if fault:
        return [fault]
    if not isinstance(words, list):
        return [f"command is {shortened(repr(words))}, not a list; write each word by itself, as {_EXAMPLE}"]
    if not words or not str(words[0] or "").strip():
        return [f"command is empty; write the program and its arguments, as {_EXAMPLE}"]
    return [
        f"command: word {at} is {shortened(repr(word))}; write a text or a number"
        for at, word in enumerate(words, 1)
        if not isinstance(word, (str, int, float)) or "\0" in str(word)
    ]


def _read_field(node: DictConfig, name: str) -> tuple[Any, str]:
    """Return a field's resolved value, and the fault that keeps it from being read."""
    try:
        value = OmegaConf.select(node, name, throw_on_missing=True)
        if OmegaConf.is_config(value):
            value = OmegaConf.to_container(value, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        return None, f"{name}: {visible(str(error).splitlines()[0])}; correct what it refers to"
    return value, ""


def _is_seconds(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def refuse_over_ranks(environment: Mapping[str, str]) -> None:
    """Refuse to run a command in a trial whose ranks the launcher starts: each of them would run it.

    Args:
        environment: That of the process.

    Raises:
        ConfigError: It is one of several.
    """
    layout = layout_of(environment)
    if layout.ranks > 1:
        raise ConfigError([f"hydra.launcher: {_many(layout.nodes, layout.per_node)}"])


def _faults_of_ranks(conf: DictConfig) -> list[str]:
    """The same, of the command's config, before anything starts."""
    launcher = OmegaConf.select(conf, "hydra.launcher")
    fields = ("nodes_per_trial", "ranks_per_node")
    nodes, per_node = (int((launcher or {}).get(name) or 1) for name in fields)
    return [_many(nodes, per_node)] if nodes * per_node > 1 else []


def _many(nodes: int, per_node: int) -> str:
    return (
        f"with nodes_per_trial={nodes} and ranks_per_node={per_node} of hydra.launcher each of {nodes * per_node} "
        "ranks would run the command; leave both out, and let a program such as torchrun start the ranks of one node"
    )


def warn_of_missing_program(word: str) -> None:
    """Log a warning if this host lacks a program; the hosts of the workers may have it."""
    if path_of(word, Path.cwd(), search_path_of_programs()) is None:
        _log.warning(
            "objective.command: %s cannot be executed on this host; trials fail where their worker has no such program "
            "either",
            shortened(word),
        )


def word_text(word: Any) -> str:
    """Return a word of a command as the program gets it; truth values as YAML writes them."""
    return str(word).lower() if isinstance(word, bool) else str(word)
