# SPDX-License-Identifier: MIT
"""The driver's view of the study: remaining trials, live workers, progress display.

It releases the claims of dead workers and completes what they left undone; it writes nothing else.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget.awaited import Awaited
from hyperopt_app.budget.counting import budget_size, budget_trials, left_of, read_counting
from hyperopt_app.budget.ticket_issue import issue_again
from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.budget.verdict import judge
from hyperopt_app.looking.overview import snapshot_of, with_aside, workers_of
from hyperopt_app.progress.display import ProgressDisplay, choose_mode
from hyperopt_app.progress.snapshot import Snapshot
from hyperopt_app.results.retrain import retrain_command
from hyperopt_app.schedulers.registry import judge_of_claims
from hyperopt_app.study.heartbeat import this_worker
from hyperopt_app.study.liveness import Observer, end_stopped_workers
from hyperopt_app.study.notes import notes_shown, read_notes
from hyperopt_app.study.opening import open_study, study_lock
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.records.study_records import attributes_of, budget_in, set_aside_in
from hyperopt_app.study.records.trial_records import claim_of, directory_of, failure_record
from hyperopt_app.study.standings.ranking import ranking_of
from hyperopt_app.study.stopping import Stop, stop_in
from hyperopt_app.study.trial_facts import is_interrupted, is_parked
from hyperopt_app.support.display_text import visible
from hyperopt_app.support.passwords import hidden_note

__all__ = ["StudyMonitor", "best_lines"]

_log = logging.getLogger(__name__)

_POLL_S = 0.5
# Seconds between two looks for stopped workers, at most.
_GUARD_S = 5.0


class StudyMonitor:
    """The driver's view of a study.

    Args:
        plan: The plan of the sweep.
        study: The open study.
        progress: The setting `hydra.sweeper.progress`.
        sleep: Waits, seconds.
    """

    def __init__(
        self, plan: Plan, study: optuna.Study, progress: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._plan = plan
        self._study = study
        self._progress = progress
        self._sleep = sleep
        self._begun = time.monotonic()
        self._observer = Observer(plan.lease_s, scheduler=judge_of_claims())
        self._tickets = Tickets(
            study,
            this_worker(-1, plan.study_dir),
            plan.n_trials,
            observer=self._observer,
            lock=lambda: study_lock(plan.study_dir),
            reopen=lambda: open_study(plan),
        )

        self._awaited = Awaited(plan.lease_s)
        self._logged_notes = set(read_notes(study))
        self._workers_log = False

    def left(self) -> int:
        """Return the number of trials of the budget that have not ended."""
        return left_of(self._tickets.trials(), self._plan.n_trials)

    def interrupted(self) -> int:
        """Return how many of them have begun, and go on."""
        return sum(map(is_interrupted, self._tickets.trials()))

    def size(self) -> int:
        """Return the number of trials of the whole budget, with those by which the user enlarged it."""
        return budget_size(self._tickets.trials(), self._plan.n_trials)

    def may_go_on(self) -> bool:
        """Whether the study has not been asked to stop."""
        return self.judge() is None

    def judge(self) -> Stop | None:
        """Return why no further trial may start; None if one may, or if none is left."""
        plan, trials = self._plan, self._tickets.trials()
        is_over = left_of(trials, plan.n_trials) == 0
        stop = judge(
            self._study, trials, plan.ended_before, plan.limits, time.time(), run=plan.run_number, is_over=is_over
        )
        if stop is not None and stop.is_fault:
            with study_lock(plan.study_dir):  # so that the number of remaining trials is exact
                issue_again(self._study)
        return stop

    def trials_of_run(self) -> list[FrozenTrial]:
        """Return the trials that had not ended when this run began."""
        return [trial for trial in self._tickets.trials() if trial.number not in self._plan.ended_before]

    def await_workers(self) -> None:
        """Wait until no live worker holds a trial; a launcher may return, or raise, while some still work."""
        while True:
            self._tickets.reap()
            running = self._tickets.trials(TrialState.RUNNING)
            if not running:
                self._tickets.end_parked()  # their last worker may have died before it did
                return
            self._awaited.look(running)
            self._sleep(_POLL_S)

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Kill workers that are stopped for too long while the body waits for them; a launcher would wait for ever."""
        over = threading.Event()

        def guard() -> None:
            while not over.wait(min(_GUARD_S, self._plan.lease_s / 4)):
                end_stopped_workers(self._plan.study_dir, self._observer)

        thread = threading.Thread(target=guard, name="guard", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def shown(self, keeps_terminal_clean: bool | None) -> AbstractContextManager[Any]:
        """Show the sweep while the body runs.

        Args:
            keeps_terminal_clean: Whether workers leave the terminal to the driver; None if they run inside the
                driver, where their own log lines are enough.
        """
        self._workers_log = keeps_terminal_clean is None
        if keeps_terminal_clean is None and self._progress == "auto":
            return ProgressDisplay(lambda: self._read(self._study), "none")
        mode = choose_mode(self._progress, sys.stdout.isatty(), bool(keeps_terminal_clean))
        if mode == "none":
            return ProgressDisplay(lambda: self._read(self._study), mode)
        # A thread reads meanwhile: it gets an opening of its own.
        own = open_study(self._plan)
        return ProgressDisplay(lambda: self._read(own), mode)

    def _read(self, study: optuna.Study) -> tuple[Snapshot, Sequence[FrozenTrial]]:
        attributes = attributes_of(study)
        self._log_new(notes_shown(attributes))
        every = study.get_trials(deepcopy=False)
        aside = set_aside_in(attributes, every)
        budget = budget_trials(every, aside, self._plan.n_trials)
        if not any(trial.state == TrialState.WAITING and not is_parked(trial) for trial in budget):
            running = (trial for trial in budget if trial.state == TrialState.RUNNING)
            self._awaited.look([trial for trial in running if claim_of(trial) is None])
        elapsed_s = time.monotonic() - self._begun
        now = datetime.now()  # noqa: DTZ005 - Optuna stamps its trials with local times without a zone
        workers = workers_of(budget, self._plan.study_dir, self._observer)
        seen = snapshot_of(study, budget_in(attributes), budget, workers, elapsed_s, now)
        stop = stop_in(attributes)
        return replace(with_aside(seen, every, aside), stop="" if stop is None else visible(stop.reason)), budget

    def log_notes(self) -> None:
        """Log the workers' notes, each once; those of the command itself were logged before."""
        self._log_new(read_notes(self._study))

    def _log_new(self, notes: Sequence[str]) -> None:
        for note in notes:
            if note not in self._logged_notes and not self._workers_log:
                self._logged_notes.add(note)
                _log.warning("%s", note)

    def first_traceback(self) -> str:
        """Return the traceback of this run's first failed trial, with its directory; empty if none failed."""
        failed = self._study.get_trials(deepcopy=False, states=(TrialState.FAIL,))  # also trials that no longer count
        for trial in [candidate for candidate in failed if candidate.number not in self._plan.ended_before]:
            text = failure_record(trial).get("traceback", "")
            if text:
                again = "\n".join(_again(self._plan, trial))
                place = directory_of(trial) or "it has no directory yet"
                return f"Trial {trial.number} ({place}):\n{text}{again}\n"
        return ""


def best_lines(plan: Plan, study: optuna.Study) -> list[str]:
    """Format the final lines for the user: the best trial, its directory and how to train it again."""
    complete = [trial for trial in read_counting(study) if trial.state == TrialState.COMPLETE]
    ranking = ranking_of(study)
    best = ranking.best(complete)
    if not best:
        return ["No trial has completed."]
    if len(study.directions) > 1:
        return [f"{len(best)} trials on the Pareto front; see {plan.study_dir / 'best.yaml'}"]
    (trial,) = best
    name = "the weighted sum" if plan.terms else plan.metric_names[0] if plan.metric_names else "value"
    further = "".join(f", {name}={value:.6g}" for name, value in ranking.further(trial).items())
    # A trial that was taken over from another tool's study has no directory.
    directory = directory_of(trial)
    return [
        f"Best: trial {trial.number} with {name}={trial.value:.6g}{further}, of {len(complete)} complete",
        *([f"  in {directory}"] if directory else []),
        *_again(plan, trial),
    ]


def _again(plan: Plan, trial: FrozenTrial) -> list[str]:
    command = retrain_command(plan, trial)
    note = hidden_note(command)
    return [f"  again: {command}", *([f"  ({note})"] if note else [])]
