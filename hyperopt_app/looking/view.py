# SPDX-License-Identifier: MIT
"""Read a study once, for everything that looks at it: trials, counts, best trials, search space, directory."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.budget.counting import budget_size
from hyperopt_app.budget.verdict import in_ranges
from hyperopt_app.cost.compute import Compute, compute_of
from hyperopt_app.cost.worker_times import WorkerTime, read_worker_times
from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.looking.overview import workers_of
from hyperopt_app.progress.snapshot import WorkerView
from hyperopt_app.reports.parameters import params_reader
from hyperopt_app.study import trial_facts
from hyperopt_app.study.notes import notes_shown
from hyperopt_app.study.records import trial_records
from hyperopt_app.study.records.study_records import attributes_of, budget_in, run_in, set_aside_in, stop_record
from hyperopt_app.study.standings.ranking import Ranking, ranking_of

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

__all__ = ["View", "read_view"]


@dataclass(frozen=True)
class View:
    """A study at one moment; nothing of it is written, and its trials must not be changed.

    Attributes:
        study: The open study, for what has to read more of it.
        directory: The study's directory.
        directions: `minimize` or `maximize`, one per objective.
        metrics: One name per objective.
        trials: All trials, by number; also waiting ones, and those that no longer count.
        aside: Why which trials no longer count, by number.
        asked: The budget of the last command; None if no driver has stored one.
        ended_before: The numbers of the trials that had ended before the last command.
        run_began: When the last command began, in seconds since the epoch; None in a study of an earlier release.
        stop: Why no further trial starts; empty while trials may start.
        is_fault: Whether that stop asks the user to correct something.
        is_held: Whether it is a hold, which `hyperopt-app release` ends.
        notes: What the workers want the user to know.
        workers: Those that have left a sign of life.
        read_at: When the study was read, in seconds since the epoch.
    """

    study: "optuna.Study"
    directory: Path
    directions: tuple[str, ...]
    metrics: tuple[str, ...]
    trials: Sequence["FrozenTrial"]
    aside: Mapping[int, str]
    asked: int | None
    ended_before: frozenset[int]
    run_began: float | None
    stop: str
    is_fault: bool
    is_held: bool
    notes: Sequence[str]
    workers: Sequence[WorkerView]
    read_at: float

    @property
    def name(self) -> str:
        """Return the study's name."""
        return self.study.study_name

    @cached_property
    def counting(self) -> list["FrozenTrial"]:
        """The trials that are not set aside, by number."""
        return [trial for trial in self.trials if trial.number not in self.aside]

    @cached_property
    def imported(self) -> frozenset[int]:
        """The numbers of the trials from elsewhere; they do not count, but samplers learn from them."""
        return frozenset(trial.number for trial in self.trials if trial_records.imported_from(trial))

    @cached_property
    def counts(self) -> Counter[str]:
        """How many of the trials that count are complete, pruned, failed, running, waiting and parked."""
        return Counter(trial_facts.state_words(self.counting))

    @cached_property
    def begun(self) -> list["FrozenTrial"]:
        """The trials that count and that a worker has begun: all but the waiting ones."""
        return self.in_state("complete", "pruned", "failed", "running", "parked")

    @property
    def ended(self) -> int:
        """Return how many of the trials that count have ended."""
        return self.counts["complete"] + self.counts["pruned"] + self.counts["failed"]

    @cached_property
    def n_trials(self) -> int:
        """The budget; in a study of another tool the number of its trials."""
        return len(self.counting) if self.asked is None else budget_size(self.counting, self.asked)

    @property
    def left(self) -> int:
        """Return how many trials of the budget have not ended."""
        return max(self.n_trials - self.ended, 0)

    @cached_property
    def state(self) -> str:
        """What goes on, one word.

        `running`, `waiting` (nothing works), `held`, `stopping` (asked to stop, trials still run), `stopped` or `done`.
        """
        is_working = any(worker.alive for worker in self.workers)
        if self.is_held and self.left:
            return "held"
        if self.stop and self.left:
            return "stopping" if is_working and self.counts["running"] else "stopped"
        if self.left and is_working:
            return "running"
        return "waiting" if self.left else "done"

    @cached_property
    def ranking(self) -> Ranking:
        """What makes a trial better than another."""
        return ranking_of(self.study)

    @cached_property
    def best(self) -> list["FrozenTrial"]:
        """The best trial alone, or the Pareto front by number; empty before a complete trial."""
        return self.ranking.best(self.counting)

    @cached_property
    def space(self) -> dict[str, "BaseDistribution"]:
        """What each parameter was drawn from in the latest trial that has it."""
        space: dict[str, BaseDistribution] = {}
        for trial in self.counting:
            space |= trial.distributions
        return space

    @cached_property
    def params_of(self) -> Callable[["FrozenTrial"], dict[str, Any]]:
        """A function that gives a trial's parameters as the values they stand for, in the order of the space."""
        return params_reader(self.study)

    @cached_property
    def worker_times(self) -> list[WorkerTime]:
        """When the study's workers were at work; none of an earlier release."""
        return read_worker_times(self.directory, self.read_at)

    @cached_property
    def cost(self) -> Compute:
        """What the study has cost up to the moment of the view, in hours of GPUs, or of workers without any."""
        return compute_of(self.trials, self.worker_times)

    @property
    def cost_left(self) -> float | None:
        """Return what the rest of the budget will cost, if its trials cost what those so far did, in `cost.unit` hours.

        None before a trial has ended.
        """
        return self.cost.total / self.ended * self.left if self.ended else None

    @cached_property
    def last_moment(self) -> float | None:
        """When a trial last began or ended, in seconds since the epoch; None if none has begun."""
        moments = [trial.datetime_complete or trial.datetime_start for trial in self.begun]
        stamps = [moment.timestamp() for moment in moments if moment is not None]
        return max(stamps, default=None)

    def in_state(self, *states: str) -> list["FrozenTrial"]:
        """Return the trials that count and are in one of these states, by number."""
        return [trial for trial in self.counting if trial_facts.state_word(trial) in states]

    def trial(self, number: int) -> "FrozenTrial":
        """Return the trial of that number.

        Raises:
            StudyMismatchError: There is none.
        """
        if 0 <= number < len(self.trials):
            return self.trials[number]
        last = f"its trials are 0 to {len(self.trials) - 1}" if self.trials else "it has no trials yet"
        raise StudyMismatchError(f"{self.directory} has no trial {number}: {last}")

    def loss(self, value: float, objective: int = 0) -> float:
        """Return a value of an objective, with its sign changed where it is maximised: smaller is better."""
        return -value if self.directions[objective] == "maximize" else value

    @property
    def infeasible(self) -> list["FrozenTrial"]:
        """Return the complete trials that violate a constraint, those that count."""
        complete = [trial for trial in self.counting if trial.state.name == "COMPLETE"]
        return [trial for trial in complete if not trial_facts.is_eligible(trial)]

    def ranked(self, k: int | None = None) -> list["FrozenTrial"]:
        """Return the complete trials that satisfy their constraints, the best first.

        Args:
            k: How many; None for all. See `Ranking.in_order`.
        """
        return self.ranking.in_order(self.counting, k)


def read_view(study: "optuna.Study", directory: Path) -> View:
    """Read a study as it is now.

    Args:
        study: The open study; only read.
        directory: Its directory, where the workers give signs of life.
    """
    attributes, trials = attributes_of(study), study.get_trials(deepcopy=False)
    aside, stop = set_aside_in(attributes, trials), stop_record(attributes)
    counting = [trial for trial in trials if trial.number not in aside]
    return View(
        study=study,
        directory=directory,
        directions=tuple(direction.name.lower() for direction in study.directions),
        metrics=trial_facts.value_names(study.metric_names or (), len(study.directions)),
        trials=trials,
        aside=aside,
        asked=budget_in(attributes),
        ended_before=in_ranges(run_in(attributes).get("ended_before", [])),
        run_began=run_in(attributes).get("began"),
        stop="" if stop is None else stop["reason"],
        is_fault=stop is not None and stop["is_fault"],
        is_held=stop is not None and stop.get("is_hold", False),
        notes=notes_shown(attributes),
        workers=workers_of(counting, directory),
        read_at=time.time(),
    )
