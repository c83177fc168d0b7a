# SPDX-License-Identifier: MIT
"""A worker's loop: claim a trial, run it, settle it, write the results, until the budget is spent.

Runs in a worker process and knows nothing of Hydra: what evaluates a trial is passed in.
"""

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import optuna
from optuna.trial import FrozenTrial

from hyperopt_app.budget.tickets import Tickets
from hyperopt_app.budget.verdict import judge
from hyperopt_app.cost.cost_budget import CostBudget
from hyperopt_app.errors import HyperoptError, StorageError
from hyperopt_app.loggers.trial_log import TrialLog
from hyperopt_app.objective.outcomes import Completed, Failed, Interrupted, Lost, Outcome, Parked
from hyperopt_app.results.files import ThrottledResults
from hyperopt_app.schedulers.time_left import end_of_job, needed_s, suffices
from hyperopt_app.study.own_trial import Pace
from hyperopt_app.study.stopping import Limits, Stop, write_stop
from hyperopt_app.support.display_text import counted
from hyperopt_app.worker.interrupts import EndRequest, Interrupts
from hyperopt_app.worker.run_trial import Evaluates, run_trial

__all__ = ["Tally", "Worker"]

_log = logging.getLogger(__name__)

# Seconds between two looks of a worker that waits for the last trial.
_LINGER_S = 1.0


@dataclass
class Tally:
    """How the trials of one worker ended; plain data, so that it travels back through any launcher.

    Attributes:
        worker: Its number.
        finished: The trials whose ends it has stored.
        dropped: Those whose late results were dropped.
        interrupted: Whether it was asked to end while trials were left, or has met what the user has to correct.
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
        evaluation: Calls the objective with a claimed trial.
        results: The study's result files.
        interrupts: Whether this worker was asked to end.
        pace: What this worker has measured of its trials' time.
        grace_s: Seconds before the end of its job at which it asks its trial to end.
        lingers: Whether a worker without a ticket stays as long as exactly one trial runs elsewhere, to take it over
            if its worker dies. With more than one, those workers look after each other.
        clock: Seconds since the epoch.
        sleep: Waits, seconds.
        run_number: That of the command for which it works, as the study counts them.
        cost_budget: What the study may cost; None for no look at it.
        log: The trials' runs of the chosen loggers; None without any.
    """

    tickets: Tickets
    limits: Limits
    ended_before: frozenset[int]
    sampler_of: Callable[[int], optuna.samplers.BaseSampler]
    evaluation: Evaluates
    results: ThrottledResults
    interrupts: EndRequest = field(default_factory=Interrupts)
    pace: Pace = field(default_factory=Pace)
    grace_s: float = 0.0
    lingers: bool = False
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    run_number: int = 0
    cost_budget: CostBudget | None = None
    log: TrialLog | None = None
    _has_lingered: bool = field(default=False, init=False)

    def work(self) -> Tally:
        """Pull trials until the budget is spent, a rule says stop, or the worker is asked to end."""
        tally = Tally(self.tickets.identity.number)
        while not tally.interrupted and (trial := self._claimed(tally)) is not None:
            number, begun = trial.number, self.clock()
            try:
                outcome = run_trial(trial, self.evaluation, self.interrupts)
            except HyperoptError as error:
                self.tickets.give_back(trial)
                self._stop_for(error, tally)
                break
            is_stored = self.tickets.settle(trial, outcome)
            if self.log is not None:
                self.log.settle(outcome if is_stored else Interrupted())
            if isinstance(outcome, Interrupted):
                _log.info("trial %d interrupted; its ticket goes back", number)
                tally.interrupted = True
            elif isinstance(outcome, Lost):
                self.results.update()  # its last loss fails the trial
            elif not is_stored:
                tally.dropped.append(number)
            else:
                tally.finished += [number] * (not isinstance(outcome, Parked))
                _log.info("trial %d %s after %.1f s", number, _words(outcome), self.clock() - begun)
                self.results.update()
        if not tally.interrupted and self.tickets.left() == 0:
            self._stop(self.tickets.trials(), is_over=True)
        return tally

    def _claimed(self, tally: Tally) -> optuna.Trial | None:
        """The next trial; None if this worker's time is over or nothing is left for it, which the tally then says."""
        while not self.interrupts.asked_to_end:
            trials = self.tickets.trials()
            if self._stop(trials) is not None:
                return None
            if not self._has_time(trials):
                tally.out_of_time = True
                return None
            try:
                # At the second try: somebody may have given a ticket back, or taken the last ones, since that look.
                trial = self.tickets.claim(self.sampler_of, trials) or self.tickets.claim(self.sampler_of)
            except StorageError:
                raise
            except HyperoptError as error:
                self._stop_for(error, tally)
                return None
            if trial is None and (ended := self.tickets.end_parked()):
                _log.info("%s waited for a promotion and will not go on: pruned", counted(len(ended), "trial"))
                if self.log is not None:
                    self.log.end_stored(self.tickets.study, ended)
                self.results.update()
            if trial is not None or not self._has_waited():
                return trial
        # The last trial ended in its grace time; what is left of the budget still wants this worker's job again.
        tally.interrupted = self.tickets.left() > 0 and self._stop(self.tickets.trials()) is None
        return None

    def _has_waited(self) -> bool:
        """Wait a moment, and return True, if the last trial runs elsewhere and this worker looks after it."""
        if not self.lingers or self.tickets.running_elsewhere() != 1:
            return False
        if not self._has_lingered:
            _log.info("no trial is left to take; waiting for the last one, which runs elsewhere")
        self._has_lingered = True
        self.sleep(_LINGER_S)
        return True

    def _has_time(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether the time of this worker's job suffices for another trial."""
        end, own_s = end_of_job(os.environ), self.pace.longest_s
        remaining_s = None if end is None else end - time.time()
        has_time = suffices(remaining_s, needed_s(own_s, trials), self.grace_s, is_fresh=own_s is None)
        if not has_time and remaining_s is not None:
            _log.info("no further trial is claimed: the job ends in %.0f s", remaining_s)
        return has_time

    def _stop(self, trials: Sequence[FrozenTrial], *, is_over: bool = False) -> Stop | None:
        stop = judge(
            self.tickets.study,
            trials,
            self.ended_before,
            self.limits,
            self.clock(),
            run=self.run_number,
            worker=self.tickets.identity.worker,
            is_over=is_over,
        )
        if stop is None and not is_over and self.cost_budget is not None:
            stop = self.cost_budget.stop(self.tickets.study)
            if stop is not None:
                write_stop(self.tickets.study, stop)
                _log.warning("no further trial is started: %s", stop.reason)
        return stop

    def _stop_for(self, error: HyperoptError, tally: Tally) -> None:
        """Stop the study for what the user has to correct before any trial can succeed."""
        write_stop(self.tickets.study, Stop(str(error), is_fault=True))
        tally.interrupted = True


def _words(outcome: Outcome) -> str:
    if isinstance(outcome, Completed):
        return "complete with " + ", ".join(f"{value:.6g}" for value in outcome.values)
    if isinstance(outcome, Failed):
        return f"failed ({outcome.kind}): {outcome.error}"
    return "parked" if isinstance(outcome, Parked) else "pruned"
