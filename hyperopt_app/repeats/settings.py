# SPDX-License-Identifier: MIT
"""Read `hydra.sweeper.repeats`, and say what is wrong with it."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hyperopt_app.config.sweeper import RepeatsConf
from hyperopt_app.repeats.aggregate import WORDS, Aggregate
from hyperopt_app.support.display_text import did_you_mean, shortened

__all__ = ["MOST_REPEATS", "Repeats", "read_repeats", "repeat_faults"]

_KEY = "hydra.sweeper.repeats"
# The study keeps a record of each, and every look at a trial reads them all.
MOST_REPEATS = 100


@dataclass(frozen=True)
class Repeats:
    """How a configuration is trained.

    Attributes:
        n: How many seeds, from 2.
        aggregate: What makes one value of theirs.
        race: Whether a configuration that is hopeless beside the best one ends early.
    """

    n: int
    aggregate: Aggregate
    race: bool = False

    def __str__(self) -> str:
        return f"{self.n} with {self.aggregate}"


def read_repeats(node: Mapping[str, Any]) -> Repeats | None:
    """Return the setting; None where every configuration is trained once.

    Args:
        node: `hydra.sweeper.repeats` as plain data, without faults; empty for the defaults.
    """
    n = node.get("n", 1)
    return None if n == 1 else Repeats(n, Aggregate.read(node.get("aggregate", "mean")), bool(node.get("race", False)))


def repeat_faults(node: Mapping[str, Any], directions: int) -> Iterator[str]:
    """Yield what is wrong with the setting.

    Args:
        node: `hydra.sweeper.repeats` as plain data.
        directions: How many values the study optimises.
    """
    known = [field.name for field in dataclasses.fields(RepeatsConf)]
    for name in node.keys() - known:
        near = did_you_mean(str(name), known)
        yield f"{_KEY}.{name}: this is not a field of repeats{near}; the fields are {', '.join(known)}"
    yield from _count_faults(node)
    aggregate = node.get("aggregate", "mean")
    if not Aggregate.is_known(aggregate):
        near = did_you_mean(aggregate, WORDS) if isinstance(aggregate, str) else ""
        yield (
            f"{_KEY}.aggregate: {shortened(repr(aggregate))} is not allowed{near}; set {', '.join(WORDS)}, or "
            "{quantile: 0.9} with a share from 0 to 1"
        )
    race = node.get("race", False)
    if not isinstance(race, bool):
        yield f"{_KEY}.race: {shortened(repr(race))} is not allowed; set true or false"
    elif race and directions > 1:
        yield (
            f"{_KEY}.race: configurations cannot be raced for {directions} objectives, since none is the best; set "
            "race=false, or make one value of the metrics with hydra.sweeper.weights"
        )


def _count_faults(node: Mapping[str, Any]) -> Iterator[str]:
    n = node.get("n", 1)
    if isinstance(n, float) and math.isnan(n):  # of which others tell
        return
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= MOST_REPEATS:
        allowed = f"set a whole number from 2 to {MOST_REPEATS}, or 1 to train each configuration once"
        yield f"{_KEY}.n: {shortened(repr(n))} is not allowed; {allowed}"
    elif n == 1 and node.get("race", False) is True:
        yield f"{_KEY}.race: with n=1 nothing can be raced; set {_KEY}.n to the number of seeds, from 2"
