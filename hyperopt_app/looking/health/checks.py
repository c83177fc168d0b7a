# SPDX-License-Identifier: MIT
"""All health checks, in the order in which their findings are shown."""

from collections.abc import Callable, Sequence

from hyperopt_app.looking.health.failing_region import failures_in_one_region
from hyperopt_app.looking.health.finding import Finding
from hyperopt_app.looking.health.parameters import choices_never_good, importance_near_zero
from hyperopt_app.looking.health.progress import curves_still_improve, no_better_value
from hyperopt_app.looking.health.pruning import pruner_acts_too_often, pruner_never_acts
from hyperopt_app.looking.health.ranges import best_at_an_edge
from hyperopt_app.looking.health.seeds import seeds_matter_more
from hyperopt_app.looking.health.workers import idle_workers, losses_on_one_node
from hyperopt_app.looking.view import View

__all__ = ["CHECKS", "health"]

CHECKS: Sequence[Callable[[View], list[Finding]]] = (
    failures_in_one_region,
    losses_on_one_node,
    best_at_an_edge,
    importance_near_zero,
    choices_never_good,
    pruner_never_acts,
    pruner_acts_too_often,
    curves_still_improve,
    no_better_value,
    seeds_matter_more,
    idle_workers,
)


def health(view: View) -> list[Finding]:
    """Return what all checks find wrong with a study; empty if it is well, or too small to judge."""
    return [finding for check in CHECKS for finding in check(view)]
