# SPDX-License-Identifier: MIT
"""Race a configuration against the best one of its study: who the incumbent is, and whether it is lost."""

from collections.abc import Sequence

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.repeats.racing import LEVEL, chance_of_luck, noise_of
from hyperopt_app.repeats.settings import Repeats
from hyperopt_app.study.records.forms import RaceRecord
from hyperopt_app.study.records.trial_records import repeats_of
from hyperopt_app.study.trial_facts import best_trials

__all__ = ["lost_race", "values_of_repeats"]


def values_of_repeats(trial: FrozenTrial) -> list[float]:
    """Return the value of each finished repeat of a trial, in a study of one objective."""
    return [record["values"][0] for record in repeats_of(trial)]


def lost_race(
    number: int, values: Sequence[float], trials: Sequence[FrozenTrial], direction: StudyDirection, repeats: Repeats
) -> RaceRecord | None:
    """Decide whether a configuration need not be trained further.

    Args:
        number: The trial's number.
        values: Those of its finished repeats, at least one and fewer than all.
        trials: Those of the study that count.
        direction: The study's.
        repeats: The study's.

    Returns:
        Against whom it has lost; None if it goes on: nobody has all repeats, too little is known of the noise, or it
        may still be the best.
    """
    others = [trial for trial in trials if trial.number != number]
    whole = [trial for trial in others if len(repeats_of(trial)) == repeats.n]
    best = best_trials(whole, [direction])
    if not best:
        return None
    incumbent, maximize = values_of_repeats(best[0]), direction == StudyDirection.MAXIMIZE
    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    rest = [values_of_repeats(trial) for trial in others if trial.state in ended and trial.number != best[0].number]
    noise = noise_of(rest, incumbent, maximize=maximize)
    if noise is None or _is_ahead(values, incumbent[: len(values)], repeats, maximize=maximize):
        return None
    chance = chance_of_luck(values, incumbent, noise, maximize=maximize)
    return None if chance >= LEVEL else RaceRecord(repeats=len(values), against=best[0].number, chance=chance)


def _is_ahead(values: Sequence[float], incumbent: Sequence[float], repeats: Repeats, *, maximize: bool) -> bool:
    """Whether the configuration is at least as good by what is optimised: the test looks at means alone."""
    own, best = (repeats.aggregate.of(each, maximize=maximize) for each in (values, incumbent))
    return own >= best if maximize else own <= best
