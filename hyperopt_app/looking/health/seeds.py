# SPDX-License-Identifier: MIT
"""Check whether equal configurations differ more among themselves than the best configurations do."""

import json
import math
from collections import defaultdict
from typing import TYPE_CHECKING

from hyperopt_app.looking.health.finding import Finding
from hyperopt_app.looking.health.ranges import best_tenth
from hyperopt_app.looking.view import View
from hyperopt_app.study.records.trial_records import repeats_of
from hyperopt_app.support.display_text import counted, value_text

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["seeds_matter_more"]

# Fewer repetitions, or fewer of the best, tell little of a spread.
_LEAST_REPETITIONS, _LEAST_BEST = 4, 3


def seeds_matter_more(view: View) -> list[Finding]:
    """Find that the spread among trials of equal parameters exceeds the differences among the best tenth.

    Then it is chance which of these is the best. Only a study that has repeated configurations can tell.
    """
    if len(view.directions) > 1:
        return []
    if any(len(repeats_of(trial)) > 1 for trial in view.in_state("complete")):
        return _of_repeats(view)
    groups = _repeated(view)
    repetitions = sum(len(values) - 1 for values in groups)
    best = [float(trial.values[0]) for trial in best_tenth(view, _LEAST_BEST)]
    if repetitions < _LEAST_REPETITIONS or len(best) < _LEAST_BEST or not all(map(math.isfinite, best)):
        return []
    spread, differences = math.sqrt(sum(map(_squares, groups)) / repetitions), max(best) - min(best)
    if spread <= differences:
        return []
    reason = (
        f"equal configurations ({counted(len(groups), 'is', 'are')} repeated) differ by {value_text(spread)}, the best "
        f"{len(best)} trials by {value_text(differences)}"
    )
    return [Finding("seeds", reason, "compare means over several seeds of the best ones before you choose")]


def _of_repeats(view: View) -> list[Finding]:
    """Find the same where the search repeats its configurations itself.

    All have the same seeds, so what a seed does to all of them alike does not matter: the differences between a
    configuration and the best one scatter from seed to seed, and their means by a part of that.
    """
    best = [trial for trial in best_tenth(view, _LEAST_BEST) if len(repeats_of(trial)) > 1]
    if len(best) < _LEAST_BEST:
        return []
    columns = [[record["values"][0] for record in repeats_of(trial)] for trial in best]
    gaps = [[value - first for value, first in zip(column, columns[0], strict=False)] for column in columns[1:]]
    freedom = sum(len(gap) - 1 for gap in gaps)
    if freedom < _LEAST_REPETITIONS:
        return []
    count = len(columns[0])
    error = math.sqrt(sum(map(_squares, gaps)) / freedom / count)
    values = [float(trial.values[0]) for trial in best]
    if error <= max(values) - min(values):
        return []
    reason = (
        f"over {count} seeds a difference between two of the best {len(best)} trials is uncertain by "
        f"{value_text(error)}, and they differ by {value_text(max(values) - min(values))}"
    )
    return [Finding("seeds", reason, "choose any of them, or compare them over more seeds (hydra.sweeper.repeats.n)")]


def _repeated(view: View) -> list[list[float]]:
    """Return the finite values of each configuration that has several complete trials."""
    groups = defaultdict[str, list[float]](list)
    for trial in view.in_state("complete"):
        if trial.params and math.isfinite(trial.values[0]):
            groups[_key_of(trial)].append(float(trial.values[0]))
    return [values for values in groups.values() if len(values) > 1]


def _key_of(trial: "FrozenTrial") -> str:
    return json.dumps(trial.params, sort_keys=True, default=str)


def _squares(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values)
