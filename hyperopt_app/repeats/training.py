# SPDX-License-Identifier: MIT
"""Train a configuration with its seeds, one after the other, and make one outcome of theirs.

Runs in a worker, between the claim of a trial and its end. A finished repeat is stored in the study before the next
one begins, so that whoever continues the trial begins where it was.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import optuna
from optuna.study import StudyDirection

from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Outcome, Pruned
from hyperopt_app.repeats.contest import lost_race
from hyperopt_app.repeats.curve_file import LaterRepeat, read_curve, thinned
from hyperopt_app.repeats.settings import Repeats
from hyperopt_app.study.notes import write_note
from hyperopt_app.study.own_trial import OwnTrial
from hyperopt_app.study.records.forms import RepeatRecord
from hyperopt_app.study.records.trial_records import keep_race, keep_repeat, keep_seed, keep_unfinished_step, repeats_of
from hyperopt_app.study.trial_directory import repeat_directory
from hyperopt_app.study.trial_facts import reported_curve

__all__ = ["Repeat", "Trainings", "aggregated"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Repeat:
    """One training of a configuration.

    Attributes:
        number: From 0.
        seed: Its seed, the same in each configuration.
        directory: Its own directory, below the trial's.
        trial: The trial as its objective may see it.
        reported: The steps that an earlier worker has recorded.
        resumed: Whether an earlier worker has begun it.
    """

    number: int
    seed: int
    directory: Path
    trial: OwnTrial
    reported: Sequence[int]
    resumed: bool


@dataclass
class Trainings:
    """The repeats of one trial.

    Attributes:
        repeats: How many, and what becomes of their values.
        trial: Optuna's trial.
        own: The same, which refuses writes once it belongs to another worker.
        directory: The trial's directory.
        seed_of: The seed of a repeat, by its number.
        curve: The steps that the trial's first repeat has recorded in an earlier attempt.
        train: Trains one repeat and returns its outcome, its values as the study optimises them.
        counts: Whether an outcome counts, or the worker was asked to end meanwhile.
        asked_to_end: Whether this worker was asked to end.
    """

    repeats: Repeats
    trial: optuna.Trial
    own: OwnTrial
    directory: Path
    seed_of: Callable[[int], int]
    curve: Sequence[int]
    train: Callable[[Repeat], Outcome]
    counts: Callable[[Outcome], bool]
    asked_to_end: Callable[[], bool]

    def run(self) -> Outcome:
        """Train what is left of the configuration, and return what the whole came to."""
        directions = self.trial.study.directions
        finished = repeats_of(self.trial)
        while len(finished) < self.repeats.n:
            if finished:
                if self.repeats.race and self._is_lost(finished, directions[0]):
                    self._keep_best_seed(finished, directions[0])
                    return Pruned()
                self.own.reach_checkpoint()
                if self.asked_to_end():
                    return Interrupted()
            repeat = self._next(len(finished))
            outcome = self.train(repeat)
            if not self.counts(outcome):
                outcome = Interrupted()
            if not isinstance(outcome, Completed):
                self._keep_length(outcome, repeat)
                return self._with_its_repeat(outcome, repeat)
            finished = [*finished, self._kept(outcome, repeat)]
            self._report_if_silent(finished, directions)
        self._keep_best_seed(finished, directions[0])
        self._warn_of_equal(finished)
        return aggregated(finished, self.repeats, directions)

    def _warn_of_equal(self, finished: Sequence[RepeatRecord]) -> None:
        if len({tuple(record["values"]) for record in finished}) > 1:
            return
        text = (
            f"hydra.sweeper.repeats: all {self.repeats.n} repeats of trial {self.trial.number} have the same value, as "
            "where the objective does not use its seed. Take hyperopt_app.current_seed(), or the config's key `seed`; "
            "repeats cost as many trainings and bring nothing here."
        )
        _log.warning("%s", text)
        write_note(self.trial.study, "equal repeats", text)

    def _keep_best_seed(self, finished: Sequence[RepeatRecord], direction: StudyDirection) -> None:
        """Let the trial's seed be that of its best repeat, with which it is trained again."""
        sign = -1.0 if direction == StudyDirection.MAXIMIZE else 1.0
        best = min(finished, key=lambda record: sign * record["values"][0])
        keep_seed(self.own, best["seed"])

    def _next(self, number: int) -> Repeat:
        directory = repeat_directory(self.directory, number)
        resumed = directory.is_dir()
        directory.mkdir(parents=True, exist_ok=True)
        is_first = number == 0
        reported = self.curve if is_first else tuple(read_curve(directory))
        trial = self.own if is_first else LaterRepeat(self.own, directory, number)
        _log.info("trial %d: repeat %d of %d", self.trial.number, number + 1, self.repeats.n)
        return Repeat(number, self.seed_of(number), directory, trial, reported, resumed)

    def _keep_length(self, outcome: Outcome, repeat: Repeat) -> None:
        """Store how far a later repeat has come that did not finish, since it has cost its share of a training."""
        curve = read_curve(repeat.directory) if repeat.number and isinstance(outcome, Failed | Interrupted) else {}
        if curve:
            keep_unfinished_step(self.own, repeat.number, max(curve))

    def _with_its_repeat(self, outcome: Outcome, repeat: Repeat) -> Outcome:
        """Let a failure name its repeat, and the trial's seed be that with which it can be had again."""
        if not isinstance(outcome, Failed):
            return outcome
        keep_seed(self.own, repeat.seed)
        return replace(outcome, error=f"repeat {repeat.number + 1} of {self.repeats.n}: {outcome.error}")

    def _kept(self, outcome: Completed, repeat: Repeat) -> RepeatRecord:
        is_first = repeat.number == 0
        curve = {} if is_first else read_curve(repeat.directory)
        reports = len(reported_curve(self.trial)) if is_first else len(curve)
        record = RepeatRecord(
            values=list(outcome.values),
            metrics=dict(outcome.metrics),
            seed=repeat.seed,
            reports=reports,
            curve=thinned(curve),
        )
        keep_repeat(self.own, repeat.number, record)
        shown = ", ".join(f"{value:.6g}" for value in outcome.values)
        place = f"{repeat.number + 1} of {self.repeats.n}"
        _log.info("trial %d: repeat %s is complete with %s", self.trial.number, place, shown)
        return record

    def _report_if_silent(self, finished: Sequence[RepeatRecord], directions: Sequence[StudyDirection]) -> None:
        """Let the sampler see how far a silent objective's configuration was trained: its aggregates are the curve."""
        if finished[0]["reports"] or len(directions) > 1:
            return
        self.own.check()
        value = aggregated(finished, self.repeats, directions).values[0]
        # Not by way of `own`, whose points loggers show as those of a training.
        self.trial.report(value, len(finished))

    def _is_lost(self, finished: Sequence[RepeatRecord], direction: StudyDirection) -> bool:
        values = [record["values"][0] for record in finished]
        trials = self.trial.study.get_trials(deepcopy=False)
        race = lost_race(self.trial.number, values, trials, direction, self.repeats)
        if race is None:
            return False
        keep_race(self.own, race)
        _log.info(
            "trial %d ends after %d of %d repeats: if it were as good as trial %d, it would do this badly with a "
            "probability of %.2g",
            *(self.trial.number, len(values), self.repeats.n, race["against"], race["chance"]),
        )
        return True


def aggregated(finished: Sequence[RepeatRecord], repeats: Repeats, directions: Sequence[StudyDirection]) -> Completed:
    """Return the outcome of a configuration: of each optimised value the aggregate, of each metric the mean.

    Args:
        finished: Its repeats, at least one.
        repeats: The study's.
        directions: The study's.
    """
    columns = zip(*(record["values"] for record in finished), strict=True)
    values = tuple(
        repeats.aggregate.of(column, maximize=direction == StudyDirection.MAXIMIZE)
        for column, direction in zip(columns, directions, strict=True)
    )
    return Completed(values, _means([record["metrics"] for record in finished]))


def _means(tables: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for table in tables for name in table)
    return {
        name: sum(values) / len(values)
        for name in names
        if (values := [table[name] for table in tables if name in table])
    }
