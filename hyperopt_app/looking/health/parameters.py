# SPDX-License-Identifier: MIT
"""Check for parameters that hardly matter, and for choices that never do well."""

import math
from collections import Counter
from collections.abc import Iterator

from hyperopt_app.looking.health.finding import Finding
from hyperopt_app.looking.health.ranges import best_tenth
from hyperopt_app.looking.matters import importances_of
from hyperopt_app.looking.view import View
from hyperopt_app.support.display_text import counted, in_one_line, share_text, value_text

__all__ = ["choices_never_good", "importance_near_zero"]

# With fewer complete trials a parameter without any effect may have a share of a fifth.
_LEAST_TRIALS = 100
_NEAR_ZERO = 0.02
# How probable it may be that a choice that is as good as the others is missing among the best.
_CHANCE = 0.01


def importance_near_zero(view: View) -> list[Finding]:
    """Find parameters that hardly matter for any objective."""
    if view.counts["complete"] < _LEAST_TRIALS:
        return []
    by_objective = [importances_of(view, objective) for objective in range(len(view.directions))]
    names = [name for name in by_objective[0] if len(by_objective[0]) > 1]
    findings = []
    for name in names:
        share = max(importances.get(name, 0.0) for importances in by_objective)
        if share < _NEAR_ZERO and all(by_objective):
            reason = f"{in_one_line(name)} hardly matters (importance {share_text(share)})"
            findings.append(Finding("idle", reason, "fix it, so that the search has a parameter less"))
    return findings


def choices_never_good(view: View) -> list[Finding]:
    """Find choices that are never in the best tenth although chance would have put them there."""
    return [] if len(view.directions) > 1 else list(_bad_choices(view))


def _bad_choices(view: View) -> Iterator[Finding]:
    ranked, top = view.ranked(), best_tenth(view)
    for name, distribution in view.space.items():
        choices = getattr(distribution, "choices", None)
        if choices is None:
            continue
        tried = Counter(_key_of_choice(trial.params[name]) for trial in ranked if name in trial.params)
        good = {_key_of_choice(trial.params[name]) for trial in top if name in trial.params}
        for choice in choices:
            times = tried[_key_of_choice(choice)]
            if _key_of_choice(choice) not in good and _chance_of_none(tried.total(), times, len(top)) < _CHANCE:
                shown = in_one_line(f"{name}={value_text(choice)}")
                reason = f"{shown} is never in the best tenth, after {counted(times, 'trial')}"
                yield Finding("choice", reason, "leave it out of the choices")


def _key_of_choice(choice: object) -> str:
    return repr(choice)


def _chance_of_none(trials: int, of_choice: int, drawn: int) -> float:
    """Return the probability that `drawn` of the trials, drawn at random, contain none of those of the choice."""
    if drawn > trials - of_choice:
        return 0.0 if of_choice else 1.0
    return math.comb(trials - of_choice, drawn) / math.comb(trials, drawn)
