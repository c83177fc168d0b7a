# SPDX-License-Identifier: MIT
"""A worker's life: claim a ticket, run the trial, tell the study, until the budget is spent.

Runs in a worker process and knows neither Hydra nor a scheduler: what runs a trial is passed in.
"""

import logging
import os
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import optuna
from optuna.trial import FrozenTrial, TrialState

from hyperopt_app.budget import Limits, Stop, may_start
from hyperopt_app.errors import HyperoptError
from hyperopt_app.objective import Completed, Failed, Interrupted, Outcome, Pruned
from hyperopt_app.tickets import Tickets

__all__ = ["Tally", "Worker", "attempt", "failures_since", "read_stop", "write_stop"]

_log = logging.getLogger(__name__)

_STOP = "stop"

# Characters. The study keeps both, and a database's text field holds 65,535 bytes.
_LONGEST_ERROR = 500
_LONGEST_TRACEBACK = 8000


@dataclass
class Tally:
    """How the trials of one worker ended; plain data, so that it travels back through any launcher."""

    worker: int
    finished: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    interrupted: bool = False


def attempt(run: Callable[[], Completed | Failed], told_to_end: Callable[[], bool] = lambda: False) -> Outcome:
    """Run user code and turn whatever happens into an outcome; the one broad boundary around it.

    Args:
        run: Calls the objective.
        told_to_end: Whether the worker was asked to end meanwhile. Whatever the user's code makes of the interrupt
            then (Lightning returns as if the training were over, or exits), the trial is not finished.

    Raises:
        HyperoptError: What the user has to mend before any trial can succeed; the ticket is not spent on it.
    """
    try:
        outcome = run()
        return Interrupted() if told_to_end() else outcome
    except HyperoptError:
        raise
    except BaseException as error:  # noqa: BLE001 - the one boundary around user code
        # Without a signal KeyboardInterrupt, SystemExit and the like are the objective's own doing.
        if told_to_end():
            return Interrupted()
        pruned = _in_chain(error, optuna.TrialPruned)
        if pruned is not None:
            return Pruned()
        mend = _in_chain(error, HyperoptError)
        if mend is not None:
            raise mend from None
        text = f"{type(error).__name__}: {_text(error)}"[:_LONGEST_ERROR]
        return Failed("bug", text, _shortened("".join(traceback.format_exception(error))))


def _text(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - an exception of the user's may fail even at this
        return "(its text cannot be shown)"


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_TRACEBACK:
        return text
    half = _LONGEST_TRACEBACK // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out; the trial's log has them]\n{text[-half:]}"


def _in_chain(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The first exception of a kind among the causes: Hydra's instantiate wraps what it passes on."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, kind):
        found = found.__cause__
    return found


def failures_since(trials: Sequence[FrozenTrial], before: frozenset[int]) -> list[str | None]:
    """The failures of the trials that ended in this run, in the order of their ends; pure.

    Args:
        trials: The study's trials.
        before: Numbers of those that had ended when the run began.
    """
    ended = [trial for trial in trials if trial.state.is_finished() and trial.number not in before]
    ended.sort(key=lambda trial: (trial.datetime_complete is None, trial.datetime_complete, trial.number))
    return [_failure(trial) for trial in ended]


def _failure(trial: FrozenTrial) -> str | None:
    if trial.state != TrialState.FAIL:
        return None
    return str(trial.user_attrs.get("failure", {}).get("error", "unknown"))


def read_stop(study: optuna.Study) -> Stop | None:
    """The stop that a worker, or the user, has written into the study."""
    stop = study.user_attrs.get(_STOP)
    return Stop(**stop) if stop else None


def write_stop(study: optuna.Study, stop: Stop | None) -> None:
    """Ask all workers not to start another trial; None takes it back."""
    study.set_user_attr(_STOP, None if stop is None else {"reason": stop.reason, "is_fault": stop.is_fault})


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
        clock: Seconds since the epoch.
    """

    tickets: Tickets
    limits: Limits
    ended_before: frozenset[int]
    sampler_of: Callable[[int], optuna.samplers.BaseSampler]
    run: Callable[[optuna.Trial], Completed | Failed]
    after_trial: Callable[[], object]
    told_to_end: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.time

    def work(self) -> Tally:
        """Pull trials until the budget is spent, a rule says stop, or the worker is told to end."""
        tally = Tally(self.tickets.identity.number)
        while not tally.interrupted and not self.told_to_end():
            trials = self.tickets.trials()
            if self._stop(trials) is not None:
                break
            trial = self.tickets.claim(self.sampler_of, trials)
            if trial is None:
                # Somebody may have given a ticket back, or taken the last ones, since that look.
                trial = self.tickets.claim(self.sampler_of)
            if trial is None:
                break
            self._run_one(trial, tally)
        return tally

    def _stop(self, trials: Sequence[FrozenTrial]) -> Stop | None:
        told = read_stop(self.tickets.study)
        if told is not None:
            return told
        failures = failures_since(trials, self.ended_before)
        stop = may_start(failures, self.clock(), self.limits)
        if stop is not None:
            _log.warning("no further trial is started: %s", stop.reason)
            write_stop(self.tickets.study, stop)
        return stop

    def _run_one(self, trial: optuna.Trial, tally: Tally) -> None:
        number, begun, pid = trial.number, self.clock(), os.getpid()
        try:
            outcome = attempt(lambda: self.run(trial), self.told_to_end)
            if os.getpid() != pid:
                os._exit(0)  # a child that the objective forked and that has come back here is no worker
        except HyperoptError as error:
            self.tickets.give_back(trial)
            write_stop(self.tickets.study, Stop(str(error), is_fault=True))
            tally.interrupted = True
            return
        told = self.tickets.settle(trial, outcome)
        if isinstance(outcome, Interrupted):
            _log.info("trial %d interrupted; its ticket goes back", number)
            tally.interrupted = True
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
