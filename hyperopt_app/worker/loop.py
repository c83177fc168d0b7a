# SPDX-License-Identifier: MIT
"""A worker's life: claim a ticket, run the trial, tell the study, until the budget is spent.

Runs in a worker process and knows neither Hydra nor a scheduler: what runs a trial is passed in.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import optuna
from optuna.trial import FrozenTrial

from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.budget.verdict import judge
from hyperopt_app.errors import HyperoptError, StorageError
from hyperopt_app.objective.first_process import ending_forks
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Lost, Outcome
from hyperopt_app.study.stopping import Limits, Stop, write_stop
from hyperopt_app.worker.attempt import attempt

__all__ = ["Tally", "Worker"]

_log = logging.getLogger(__name__)

# Seconds between two looks of a worker that waits for the last trial.
_LINGER_S = 1.0


@dataclass
class Tally:
    """How the trials of one worker ended; plain data, so that it travels back through any launcher.

    Attributes:
        worker: Its number.
        finished: The trials that it has told.
        dropped: Those whose late results were dropped.
        interrupted: Whether it was told to end, or has something for the user to mend.
        out_of_time: Whether it has left because its job's time does not suffice for another trial.
    """

    worker: int
    finished: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    interrupted: bool = False
    out_of_time: bool = False


@dataclass
class Worker:
    """One worker; all that touches the outside is given to it.

    Attributes:
        tickets: The worker's hand on the budget.
        limits: What ends the study early.
        ended_before: Trials that had ended when the run began; the limits do not judge them.
        sampler_of: The sampler of a trial, by number.
        run: Runs a claimed trial: asks for its parameters, composes its config and calls the objective.
        after_trial: Called after each told trial (writes the results).
        told_to_end: Whether a signal has asked this worker to end.
        cut_short: Whether that signal has interrupted the objective; by default whatever it was told, because it runs
            in this very process.
        has_time: Whether the time of this worker's job suffices for another trial.
        lingers: Whether a worker without a ticket stays as long as exactly one trial runs elsewhere, to take it over
            if its worker dies. With more than one, those workers look after each other.
        clock: Seconds since the epoch.
        sleep: Waits, seconds.
        run_number: That of the command for which it works, as the study counts them.
    """

    tickets: Tickets
    limits: Limits
    ended_before: frozenset[int]
    sampler_of: Callable[[int], optuna.samplers.BaseSampler]
    run: Callable[[optuna.Trial], Outcome]
    after_trial: Callable[[], object]
    told_to_end: Callable[[], bool] = lambda: False
    cut_short: Callable[[], bool] | None = None
    has_time: Callable[[Sequence[FrozenTrial]], bool] = lambda _trials: True
    lingers: bool = False
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    run_number: int = 0

    def work(self) -> Tally:
        """Pull trials until the budget is spent, a rule says stop, or the worker is told to end."""
        tally, lingered = Tally(self.tickets.identity.number), False
        while not tally.interrupted and not self.told_to_end():
            trials = self.tickets.trials()
            if self._stop(trials) is not None:
                break
            if not self.has_time(trials):
                tally.out_of_time = True
                break
            try:
                # At the second try: somebody may have given a ticket back, or taken the last ones, since that look.
                trial = self.tickets.claim(self.sampler_of, trials) or self.tickets.claim(self.sampler_of)
            except StorageError:
                raise
            except HyperoptError as error:
                self._stop_for(error, tally)
                break
            if trial is not None:
                self._run_one(trial, tally)
            elif self.lingers and self.tickets.running_elsewhere() == 1:
                if not lingered:
                    _log.info("no trial is left to take; waiting for the last one, which runs elsewhere")
                lingered = True
                self.sleep(_LINGER_S)
            else:
                break
        if not tally.interrupted and self.tickets.left() == 0:
            self._stop(self.tickets.trials(), is_over=True)
        return tally

    def _stop(self, trials: Sequence[FrozenTrial], *, is_over: bool = False) -> Stop | None:
        return judge(
            self.tickets.study,
            trials,
            self.ended_before,
            self.limits,
            self.clock(),
            run=self.run_number,
            worker=self.tickets.identity.worker,
            is_over=is_over,
        )

    def _stop_for(self, error: HyperoptError, tally: Tally) -> None:
        """Stop the study for what the user has to correct before any trial can succeed."""
        write_stop(self.tickets.study, Stop(str(error), is_fault=True))
        tally.interrupted = True

    def _run_one(self, trial: optuna.Trial, tally: Tally) -> None:
        number, begun = trial.number, self.clock()
        try:
            with ending_forks():
                outcome = attempt(lambda: self.run(trial), self.cut_short or self.told_to_end)
        except HyperoptError as error:
            self.tickets.give_back(trial)
            if isinstance(error, StorageError) and self.told_to_end():
                tally.interrupted = True  # it waits no longer for a server that was away, which is no fault
            else:
                self._stop_for(error, tally)
            return
        told = self.tickets.settle(trial, outcome)
        if isinstance(outcome, Interrupted):
            _log.info("trial %d interrupted; its ticket goes back", number)
            tally.interrupted = True
            return
        if isinstance(outcome, Lost):
            return
        (tally.finished if told else tally.dropped).append(number)
        if told:
            _log.info("trial %d %s after %.1f s", number, _words(outcome), self.clock() - begun)
            self.after_trial()


def _words(outcome: Outcome) -> str:
    if isinstance(outcome, Completed):
        return "complete with " + ", ".join(f"{value:.6g}" for value in outcome.values)
    if isinstance(outcome, Failed):
        return f"failed ({outcome.kind}): {outcome.error}"
    return "pruned"
