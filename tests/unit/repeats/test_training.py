# SPDX-License-Identifier: MIT
"""The trainings of one configuration, one after the other, and what they come to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import optuna
import pytest

from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Lost, Outcome, Pruned
from hyperopt_app.repeats.aggregate import Aggregate
from hyperopt_app.repeats.settings import Repeats
from hyperopt_app.repeats.training import Repeat, Trainings
from hyperopt_app.study.own_trial import NotOurTrialError, OwnTrial
from hyperopt_app.study.records.study_records import notes_in
from hyperopt_app.study.records.trial_records import race_of, repeats_of, seed_of, unfinished_step
from hyperopt_app.study.trial_facts import reported_curve

VALUES = [4.0, 1.0, 7.0]


@dataclass
class _Objective:
    """Returns an outcome for each repeat, and remembers what it was given."""

    outcomes: Sequence[Outcome] = tuple(Completed((value,), {"m": value}) for value in VALUES)
    reports: int = 0
    begun: list[Repeat] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)
    study: optuna.Study = field(default_factory=optuna.create_study)

    def __call__(self, repeat: Repeat) -> Outcome:
        self.begun.append(repeat)
        self.stored.append(len(repeats_of(self.study.trials[-1])))
        for step in range(self.reports):
            if step not in repeat.reported:
                repeat.trial.report(step + repeat.number, step)
        return self.outcomes[repeat.number]

    def run(
        self, directory: Path, trial: optuna.Trial | None = None, **changes: object
    ) -> tuple[Outcome, optuna.Trial]:
        trial = trial or self.study.ask()
        options: dict[str, object] = {
            "repeats": Repeats(3, Aggregate("median")),
            "counts": lambda _outcome: True,
            "asked_to_end": lambda: False,
            "own": OwnTrial(trial, lambda: True),
            "train": self,
            **changes,
        }
        made = Trainings(
            trial=trial,
            directory=directory,
            seed_of=lambda repeat: 100 + repeat,
            curve=tuple(reported_curve(trial)),
            **options,  # type: ignore[arg-type]
        )
        return made.run(), trial


def test_each_repeat_has_its_seed_and_directory_and_is_stored_before_the_next(tmp_path: Path) -> None:
    """The median is the value, metrics are means, and the trial's seed is that of its best repeat."""
    objective = _Objective()
    outcome, _ = objective.run(tmp_path)
    assert outcome == Completed((4.0,), {"m": 4.0})
    assert [repeat.seed for repeat in objective.begun] == [100, 101, 102]
    assert [repeat.directory for repeat in objective.begun] == [tmp_path / "repeats" / name for name in "012"]
    assert all(repeat.directory.is_dir() and not repeat.resumed for repeat in objective.begun)
    assert objective.stored == [0, 1, 2]
    (stored,) = objective.study.trials
    assert [(record["values"], record["seed"]) for record in repeats_of(stored)] == [
        ([4.0], 100),
        ([1.0], 101),
        ([7.0], 102),
    ]
    assert seed_of(stored) == 101


def test_the_curve_is_that_of_the_first_repeat(tmp_path: Path) -> None:
    """Steps begin once; the later curves are kept beside the values."""
    objective = _Objective(reports=3)
    objective.run(tmp_path)
    (stored,) = objective.study.trials
    assert stored.intermediate_values == {0: 0.0, 1: 1.0, 2: 2.0}
    first, second, _ = repeats_of(stored)
    assert (first["reports"], first["curve"]) == (3, [])
    assert (second["reports"], [tuple(point) for point in second["curve"]]) == (3, [(0, 1.0), (1, 2.0), (2, 3.0)])


def test_a_silent_objective_has_the_curve_of_its_aggregates(tmp_path: Path) -> None:
    """So a sampler sees how far an ended configuration has come; where there are several objectives there is none."""
    objective = _Objective()
    objective.run(tmp_path)
    assert objective.study.trials[0].intermediate_values == {1: 4.0, 2: 2.5, 3: 4.0}
    several = _Objective(
        [Completed((1.0, value)) for value in VALUES], study=optuna.create_study(directions=["minimize", "maximize"])
    )
    outcome, _ = several.run(tmp_path / "b", repeats=Repeats(3, Aggregate("worst")))
    assert outcome == Completed((1.0, 1.0))
    assert several.study.trials[0].intermediate_values == {}


@pytest.mark.parametrize("interrupted", [0, 1, 2])
@pytest.mark.parametrize("reports", [0, 3])
def test_an_interrupted_trial_goes_on_where_it_was(interrupted: int, reports: int, tmp_path: Path) -> None:
    """No finished repeat is trained again, the interrupted one knows that it is resumed, and the value is the same."""
    whole = _Objective(reports=reports).run(tmp_path / "whole")[0]
    objective = _Objective(reports=reports)
    first, trial = objective.run(tmp_path, counts=lambda _outcome: len(objective.begun) <= interrupted)
    assert first == Interrupted()
    assert len(repeats_of(trial)) == interrupted
    outcome, _ = objective.run(tmp_path, optuna.Trial(objective.study, trial._trial_id))
    assert outcome == whole
    numbers = [repeat.number for repeat in objective.begun]
    assert numbers == [*range(interrupted + 1), *range(interrupted, 3)]
    resumed = [repeat.resumed for repeat in objective.begun[interrupted + 1 :]]
    assert resumed == [True, *[False] * (2 - interrupted)]
    if interrupted:
        assert list(objective.begun[interrupted + 1].reported) == list(range(reports))


def test_an_objective_without_use_for_its_seed_is_pointed_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By a warning, which the study keeps; not where any two values differ."""
    _Objective().run(tmp_path / "a")
    assert not caplog.records
    objective = _Objective([Completed((0.5,))] * 3)
    outcome, _ = objective.run(tmp_path / "b")
    assert outcome == Completed((0.5,))
    assert "all 3 repeats of trial 0 have the same value" in caplog.text
    assert "does not use its seed" in notes_in(objective.study.user_attrs)["equal repeats"]


def test_between_repeats_a_worker_may_leave(tmp_path: Path) -> None:
    """What has finished is kept; after the last repeat there is nothing to wait for."""
    objective = _Objective()
    outcome, trial = objective.run(tmp_path, asked_to_end=lambda: True)
    assert outcome == Interrupted()
    assert len(repeats_of(trial)) == 1
    one_left = _Objective()
    one_left.study = objective.study
    outcome, _ = one_left.run(tmp_path, trial, asked_to_end=lambda: len(one_left.begun) == 2)
    assert outcome == Completed((4.0,), {"m": 4.0})


def test_a_trial_whose_values_are_all_there_is_not_trained(tmp_path: Path) -> None:
    """Its worker died after the last value was stored and before the trial was."""
    objective = _Objective()
    whole, trial = objective.run(tmp_path)
    objective.begun.clear()
    again, _ = objective.run(tmp_path, optuna.Trial(objective.study, trial._trial_id))
    assert again == whole
    assert objective.begun == []


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Failed("diverged", "nan"), Failed("diverged", "repeat 2 of 3: nan")),
        (Lost("its node died"), Lost("its node died")),
        (Pruned(), Pruned()),
        (Interrupted(), Interrupted()),
    ],
    ids=lambda outcome: type(outcome).__name__,
)
def test_what_ends_one_repeat_ends_the_trial(outcome: Outcome, expected: Outcome, tmp_path: Path) -> None:
    """With its own kind; the values before it are kept."""
    objective = _Objective([Completed((4.0,)), outcome])
    told, trial = objective.run(tmp_path)
    assert told == expected
    assert [record["values"] for record in repeats_of(trial)] == [[4.0]]
    # With its seed a failure can be had again.
    assert seed_of(objective.study.trials[0]) == (101 if isinstance(outcome, Failed) else None)


def test_nothing_is_stored_once_the_trial_is_anothers(tmp_path: Path) -> None:
    """A worker that was thought dead comes back with a value that somebody else is computing by now."""
    objective, held = _Objective(), [True]
    trial = objective.study.ask()

    def train(repeat: Repeat) -> Outcome:
        held[0] = repeat.number == 0
        return objective(repeat)

    with pytest.raises(NotOurTrialError):
        objective.run(tmp_path, trial, own=OwnTrial(trial, lambda: held[0]), train=train)
    assert len(repeats_of(objective.study.trials[0])) == 1


def _raced(objective: _Objective, directory: Path) -> tuple[Outcome, optuna.Trial]:
    return objective.run(directory, repeats=Repeats(3, Aggregate(), race=True))


def test_a_hopeless_configuration_is_pruned_with_its_values(tmp_path: Path) -> None:
    """After four that were trained in full, a fifth that is far away is trained once, and the record says why."""
    study = optuna.create_study()
    for number, offset in enumerate((0.0, 0.3, 0.1, 0.2)):
        objective = _Objective([Completed((value + offset + 0.01 * number * value,)) for value in VALUES], study=study)
        outcome, trial = _raced(objective, tmp_path / str(number))
        assert isinstance(outcome, Completed)
        study.tell(trial, list(outcome.values))
    far = _Objective([Completed((value + 50,)) for value in VALUES], study=study)
    outcome, trial = _raced(far, tmp_path / "far")
    assert outcome == Pruned()
    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    stored = study.trials[-1]
    race = race_of(stored)
    assert race is not None
    assert (race["repeats"], race["against"]) == (1, 0)
    assert ([record["values"] for record in repeats_of(stored)], stored.value) == ([[54.0]], 54.0)
    assert len(far.begun) == 1


def test_a_race_is_looked_at_before_a_resumed_trial_goes_on(tmp_path: Path) -> None:
    """A worker that died after it had stored the value, and before it had judged, leaves the judgement to the next."""
    study = optuna.create_study()
    far = _Objective([Completed((value + 50,)) for value in VALUES], study=study)
    interrupted, trial = far.run(tmp_path, asked_to_end=lambda: True)
    assert interrupted == Interrupted()
    for offset in (0.0, 0.3, 0.1, 0.2):
        objective = _Objective([Completed((value + offset * value,)) for value in VALUES], study=study)
        outcome, other = _raced(objective, tmp_path / str(offset))
        assert isinstance(outcome, Completed)
        study.tell(other, list(outcome.values))
    far.begun.clear()
    again, _ = far.run(tmp_path, optuna.Trial(study, trial._trial_id), repeats=Repeats(3, Aggregate(), race=True))
    assert again == Pruned()
    assert far.begun == []


@pytest.mark.parametrize("outcome", [Failed("exception", "boom"), Interrupted()], ids=type)
def test_a_repeat_that_does_not_finish_leaves_how_far_it_came(outcome: Outcome, tmp_path: Path) -> None:
    """So that a budget of trainings has its share; of the first the trial's own curve says it."""
    first = _Objective(outcomes=(outcome,), reports=20)
    assert unfinished_step(first.run(tmp_path / "a")[1]) is None
    later = _Objective(outcomes=(Completed((1.0,)), outcome, Completed((1.0,)), Completed((2.0,))), reports=20)
    _, trial = later.run(tmp_path / "b")
    assert unfinished_step(trial) == 19
    if isinstance(outcome, Interrupted):
        again = replace(later, outcomes=(Completed((1.0,)),) * 3)
        again.run(tmp_path / "b", trial)
        assert unfinished_step(trial) is None
