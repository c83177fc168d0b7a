# SPDX-License-Identifier: MIT
"""The bad inputs: for every field each kind of badness, as one command line each."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.bad_inputs.fields import FIELDS, OWN, schema_fields
from tests.bad_inputs.values import ODD, SORTS

__all__ = ["KINDS", "Case", "cases_of"]

KINDS = ("wrong type", "out of range", "empty", "huge", "odd text", "wrong place")
# The command around the input: a search of one point's work by one worker.
_COMMAND = ("--multirun", "hparams=sphere", "hydra.sweeper.n_trials=1", "hydra.sweeper.n_jobs=1")
_NO_SEARCH = {"sampler": "pruner", "pruner": "sampler"}


class Case(NamedTuple):
    """One bad input.

    Attributes:
        name: What it is called in `accepted`.
        kind: Its kind of badness.
        key: What a clear error names; of a sampler or a pruner, whose class may use words of its own, the node will do.
        words: The command line.
    """

    name: str
    kind: str
    key: str
    words: tuple[str, ...]


def cases_of(group: str) -> list[Case]:
    """The inputs of a group of fields."""
    found = []
    for number, (option, node, name) in enumerate(schema_fields(group)):
        chosen = _chosen(group, option)
        label = option or group
        for kind, word in _words(number, node, name, OWN.get(f"{label}.{name}", FIELDS.get(name, ""))):
            found.append(Case(f"{label}: {_shown(word)}", kind, name, (*_COMMAND, *chosen, word)))
    return found


def _chosen(group: str, option: str) -> tuple[str, ...]:
    if group in _NO_SEARCH:
        return ("hydra/launcher=basic", f"hydra/sweeper/{group}={option}")
    return (f"hydra/launcher={option or 'basic'}",)


def _words(number: int, node: str, name: str, sort: str) -> Iterator[tuple[str, str]]:
    for kind, values in SORTS[sort].items():
        for value in values:
            yield kind, f"{node}.{name}={value}"
    for turn in (0, 1):
        yield "odd text", f"{node}.{name}={ODD[(2 * number + turn) % len(ODD)]}"
    other = "hydra.launcher" if node == "hydra.sweeper" else "hydra.sweeper"
    elsewhere = (f"{name}=1", f"+hydra.{name}=1", f"+{other}.{name}=1")
    yield "wrong place", elsewhere[number % len(elsewhere)]


def _shown(word: str) -> str:
    text = word if word.isprintable() else ascii(word)[1:-1]
    return text if len(text) <= 100 else f"{text[:60]}...({len(word)})"
