# SPDX-License-Identifier: MIT
"""What a search may know before it begins: a prior, right or wrong, or the trials of an earlier study."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.search.problem import Config, Problem, random_configs

__all__ = ["KNOWLEDGE", "Knowledge", "Known"]

# Where a user's beliefs come from, and how many trials an earlier study had.
_SEEN, _SEED_OF_BELIEFS, _EARLIER = 1500, 5, 40
_PRIOR_OF = 3  # parameters, of those that a training depends on most


class Known(NamedTuple):
    """What a search knows.

    Attributes:
        settings: Of the sampler `curves`.
        first: The points of its first trials, as the application would have them.
    """

    settings: dict[str, Any]
    first: Sequence[Config]


def _ranked(problem: Problem, count: int, seed: int) -> list[tuple[dict[str, Any], float]]:
    configs = random_configs(problem.space, count, seed)
    ends = problem.curves(configs)[0][:, -1]
    return sorted(zip(configs, ends, strict=True), key=lambda pair: -pair[1])


def _prior(problem: Problem, place: float) -> Known:
    """Return the values that a configuration at this place of the ranking has, from 0 for the best."""
    ranked = _ranked(problem, _SEEN, _SEED_OF_BELIEFS)
    config = ranked[int(place * len(ranked))][0]
    keys = [key for key in ("learning_rate", "num_layers", "batch_size") if key in config] or sorted(config)[:_PRIOR_OF]
    prior = {key: config[key] for key in keys}
    return Known({"prior": prior}, [prior])


def _earlier(problem: Problem, seed: int, *, reverse: bool = False) -> Known:
    """Return random trials of a problem, with the worth that they had, or with the worst for the best."""
    configs = [config for config, _ in _ranked(problem, _EARLIER, 1000 + seed)]
    if reverse:
        configs.reverse()
    worth = np.linspace(2.0, -2.0, len(configs))
    trials = [{"params": config, "worth": float(value)} for config, value in zip(configs, worth, strict=True)]
    return Known({"earlier": trials}, configs[:1])


class Knowledge(NamedTuple):
    """A way to know something.

    Attributes:
        what: One line for the help.
        of: From all problems of the family, the index of the one that is searched, and a seed.
    """

    what: str
    of: Callable[[Sequence[Problem], int, int], Known]


def _prior_right(problems: Sequence[Problem], at: int, _seed: int) -> Known:
    return _prior(problems[at], 0.0)


def _prior_wrong(problems: Sequence[Problem], at: int, _seed: int) -> Known:
    return _prior(problems[at], 0.9)


def _same(problems: Sequence[Problem], at: int, seed: int) -> Known:
    return _earlier(problems[at], seed)


def _other(problems: Sequence[Problem], at: int, seed: int) -> Known:
    return _earlier(problems[(at + 1) % len(problems)], seed)


def _false(problems: Sequence[Problem], at: int, seed: int) -> Known:
    return _earlier(problems[at], seed, reverse=True)


KNOWLEDGE = {
    "prior-right": Knowledge("three values of the best of 1,500 configurations", _prior_right),
    "prior-wrong": Knowledge("three values of a bad configuration, which nine in ten surpass", _prior_wrong),
    "earlier-same": Knowledge("40 random trials of the same problem", _same),
    "earlier-other": Knowledge("40 random trials of the family's next problem", _other),
    "earlier-false": Knowledge("40 random trials of the same problem, the worst for the best", _false),
}
