# SPDX-License-Identifier: MIT
"""Order the complete trials of a study, the best first: by one value, by Pareto fronts, or by metrics in turn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperopt_app.study import trial_facts
from hyperopt_app.study.records.forms import OrderRecord
from hyperopt_app.study.records.study_records import spec_of
from hyperopt_app.study.records.trial_records import metrics_of

if TYPE_CHECKING:
    import optuna
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial

__all__ = ["Ranking", "ranking_of"]

# A tolerance is meant as it is written: 0.12 is within 0.01 of 0.11, though their difference as floats is a bit more.
_SLACK = 1e-9


@dataclass(frozen=True)
class Ranking:
    """What makes a trial of a study better than another.

    Attributes:
        directions: The study's.
        order: Where the best is chosen by several metrics in turn: these, the optimised one first; else empty.
    """

    directions: "Sequence[StudyDirection]"
    order: Sequence[OrderRecord] = ()

    def best(self, trials: Sequence["FrozenTrial"]) -> list["FrozenTrial"]:
        """Return the best trial alone, or the Pareto front by number; empty without a complete and feasible trial."""
        return self.in_order(trials, 1) if self.order else trial_facts.best_trials(trials, self.directions)

    def in_order(self, trials: Sequence["FrozenTrial"], k: int | None = None) -> list["FrozenTrial"]:
        """Return the complete trials that satisfy their constraints, the best first.

        Of several objectives the Pareto front comes first, then the front of the rest, and so on; within a front they
        are ordered by number. Of metrics in turn those come first that are within the first one's tolerance of the
        best, ordered by the next metric in the same way, then those within it of the best of the rest, and so on.

        Args:
            trials: Of the study.
            k: How many; None for all. Of a front that reaches beyond it the first ones are taken.
        """
        feasible = sorted((trial for trial in trials if trial_facts.is_eligible(trial)), key=lambda trial: trial.number)
        if len(self.directions) > 1:
            return self._by_fronts(feasible, k)
        sign = -1.0 if self.directions[0].name == "MAXIMIZE" else 1.0
        feasible.sort(key=lambda trial: sign * trial.values[0])
        if self.order:
            columns = [[sign * trial.values[0], *_losses(trial, self.order[1:])] for trial in feasible]
            places = _in_turn(range(len(feasible)), columns, [step["tolerance"] for step in self.order])
            feasible = [feasible[place] for place in places]
        return feasible[:k]

    def further(self, trial: "FrozenTrial") -> dict[str, float]:
        """Return the metrics that count behind the first one, those that the trial has."""
        has = metrics_of(trial)
        return {step["metric"]: float(has[step["metric"]]) for step in self.order[1:] if step["metric"] in has}

    def _by_fronts(self, rest: list["FrozenTrial"], k: int | None) -> list["FrozenTrial"]:
        ranked = list["FrozenTrial"]()
        while rest and (k is None or len(ranked) < k):
            front = trial_facts.best_trials(rest, self.directions)
            numbers = {trial.number for trial in front}
            rest = [trial for trial in rest if trial.number not in numbers]
            ranked += front
        return ranked[:k]


def ranking_of(study: "optuna.Study") -> Ranking:
    """Return what makes a trial of this study better than another, as its last command has asked."""
    spec = spec_of(study)
    return Ranking(study.directions, () if spec is None else spec.get("order", ()))


def _losses(trial: "FrozenTrial", steps: Sequence[OrderRecord]) -> list[float]:
    """Return metrics, with the sign changed where they are maximised; what a trial of elsewhere lacks is infinite."""
    has, losses = metrics_of(trial), list[float]()
    for step in steps:
        value = float(has.get(step["metric"], math.nan))
        losses.append(math.inf if math.isnan(value) else -value if step["direction"] == "maximize" else value)
    return losses


def _in_turn(
    places: Sequence[int], columns: Sequence[Sequence[float]], tolerances: Sequence[float], turn: int = 0
) -> list[int]:
    """Order places by the columns from `turn` on, smaller is better; of equal ones the order stays as it is."""
    if turn == len(tolerances):
        return list(places)
    ordered = sorted(places, key=lambda place: columns[place][turn])
    ranked, begin = list[int](), 0
    while begin < len(ordered):
        limit = columns[ordered[begin]][turn] + tolerances[turn] * (1 + _SLACK)
        end = begin
        while end < len(ordered) and columns[ordered[end]][turn] <= limit:
            end += 1
        ranked += _in_turn(ordered[begin:end], columns, tolerances, turn + 1)
        begin = end
    return ranked
