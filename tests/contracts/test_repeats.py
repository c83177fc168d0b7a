# SPDX-License-Identifier: MIT
"""What a study keeps of repeats is the same in every storage, to the last digit."""

import math
from pathlib import Path

import optuna
from optuna.trial import TrialState

from hyperopt_app.objective.outcomes import Completed
from hyperopt_app.repeats.aggregate import Aggregate
from hyperopt_app.repeats.curve_file import MOST_POINTS
from hyperopt_app.repeats.settings import Repeats
from hyperopt_app.repeats.training import Repeat, Trainings
from hyperopt_app.study.own_trial import OwnTrial
from hyperopt_app.study.records.trial_records import keep_race, race_of, repeats_of
from tests.contracts.conftest import Place

VALUES = (0.1 + 0.2, -1e300, 5e-324)


def _trainings(trial: optuna.Trial, directory: Path, n: int, points: int) -> Trainings:
    def train(repeat: Repeat) -> Completed:
        for step in range(points):
            repeat.trial.report(math.nan if step == 1 else step / 7, step)
        value = VALUES[repeat.number % 3]
        return Completed((value,), {"a metric of a longer name": value, "b": float(repeat.seed)})

    return Trainings(
        repeats=Repeats(n, Aggregate("worst")),
        trial=trial,
        own=OwnTrial(trial, lambda: True),
        directory=directory,
        seed_of=lambda number: 2**31 - 1 - number,
        curve=(),
        train=train,
        counts=lambda _outcome: True,
        asked_to_end=lambda: False,
    )


def test_another_process_reads_what_was_stored(place: Place, tmp_path: Path) -> None:
    """Values, seeds, metrics, the thinned curve and the lost race; a curve with a NaN as well."""
    study = place.create(0)
    trial = study.ask()
    outcome = _trainings(trial, tmp_path / "0", 3, 150).run()
    assert outcome.values == (VALUES[0],)  # type: ignore[union-attr]
    keep_race(trial, {"repeats": 3, "against": 0, "chance": 1e-300})
    study.tell(trial, state=TrialState.PRUNED)
    (stored,) = optuna.load_study(study_name="contract", storage=place.open()).trials
    records = repeats_of(stored)
    assert [record["values"] for record in records] == [[value] for value in VALUES]
    assert [record["seed"] for record in records] == [2**31 - 1, 2**31 - 2, 2**31 - 3]
    assert [record["metrics"]["a metric of a longer name"] for record in records] == list(VALUES)
    assert [(record["reports"], len(record["curve"])) for record in records] == [(150, 0), *[(150, MOST_POINTS)] * 2]
    assert tuple(records[2]["curve"][-1]) == (149, 149 / 7)
    assert race_of(stored) == {"repeats": 3, "against": 0, "chance": 1e-300}


def test_more_than_ten_repeats_stay_in_their_order(place: Place, tmp_path: Path) -> None:
    """By number, not by the texts of their numbers."""
    study = place.create(0)
    trial = study.ask()
    _trainings(trial, tmp_path / "0", 12, 0).run()
    (stored,) = optuna.load_study(study_name="contract", storage=place.open()).trials
    assert [record["seed"] for record in repeats_of(stored)] == [2**31 - 1 - number for number in range(12)]
    assert stored.intermediate_values.keys() == set(range(1, 13))
