# SPDX-License-Identifier: MIT
"""Run each trial in a fresh process and return how it ended, even if that process crashed.

The process is forked from a server (Python's `forkserver`) that has imported what trials need and has never touched
CUDA, so it starts in milliseconds. The worker stays small: it answers the child's questions about the study, keeps the
time, and handles signals. The other half is `trial_process`. Runs in a worker.
"""

import contextlib
import logging
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any

import cloudpickle

from hyperopt_app.errors import HyperoptError
from hyperopt_app.objective.failure_kinds import Exit, verdict_of_exit
from hyperopt_app.objective.outcomes import Failed, Interrupted, Lost, Outcome
from hyperopt_app.processes.entries import start_ticks
from hyperopt_app.processes.family import MARK, mark_of
from hyperopt_app.processes.groups import ProgramGroup
from hyperopt_app.processes.handed_path import handing
from hyperopt_app.processes.oom_kills import has_killed_since, oom_kills
from hyperopt_app.ranks.answers import CHECKPOINTED
from hyperopt_app.ranks.failures import outcome_of_rank
from hyperopt_app.ranks.reasons import reason_of
from hyperopt_app.study.own_trial import NotOurTrialError, OwnTrial, Pace
from hyperopt_app.study.plan import SweepOptions
from hyperopt_app.study.records.trial_records import keep_reads_seed
from hyperopt_app.support.hydra_state import packed, sendable
from hyperopt_app.worker import trial_process
from hyperopt_app.worker.fork_server import (
    FIRST,
    SERVER_DIED,
    end_orphan,
    end_server,
    end_stopped_server,
    preload_names,
    started,
)
from hyperopt_app.worker.interruption import Ending
from hyperopt_app.worker.interrupts import Interrupts, strikes
from hyperopt_app.worker.trial_job import TrialJobs
from hyperopt_app.worker.trial_process import DONE, PROGRAM, Order

__all__ = ["Isolation"]

_log = logging.getLogger(__name__)

_POLL_S = 0.1
# Seconds between the interrupt and the end by force.
_KILL_AFTER_S = 5.0
# Seconds for which a worker waits for a signal of its own, when one may have ended its trial's process.
_OWN_SIGNAL_WITHIN_S = 5.0
# Seconds without a look at the child after which the worker looks whether the trial is still its own: it was stopped.
_GAP_S = 5.0


@dataclass
class Isolation:
    """Starts and watches the trials' processes of one worker.

    Attributes:
        jobs: Composes and runs the trials; its task and callbacks travel to the child.
        interrupts: Whether this worker was asked to end.
        options: The sweep's; how long a trial may take in this worker is among them.
        grace_s: Seconds that an objective which writes checkpoints is given to reach its next one.
        pace: Measures how long trials go without a checkpoint.
        preload: Modules that trials will import, beside those that this worker has imported.
        clock: Monotonic seconds.
    """

    jobs: TrialJobs
    interrupts: Interrupts
    options: SweepOptions = field(default_factory=SweepOptions)
    grace_s: float = 20.0
    pace: Pace = field(default_factory=Pace)
    preload: Sequence[str] = ()
    clock: Callable[[], float] = time.monotonic
    _task: bytes = field(default=b"", repr=False)
    _has_learned: bool = False

    def warm_up(self) -> None:
        """Start the server, in the background: its imports take seconds, and the worker has other things to do."""
        # A child composes nothing, so it gets no config loader.
        context = sendable(self.jobs.context)
        context.config_loader = None  # type: ignore[assignment]
        jobs = TrialJobs(context, None, self.jobs.task_function, self.jobs.moment, self.jobs.origin)  # type: ignore[arg-type]
        self._task = packed(jobs)
        self._start_server()

    def learn(self, imported: Sequence[str]) -> None:
        """Start the server anew with what a trial had to import itself; once, so that a bad module is not tried again.

        Args:
            imported: Names of modules, in the order in which the trial has imported them.
        """
        if not imported or self._has_learned:
            return
        self._has_learned = True
        self.preload = [*self.preload, *imported]
        end_server()
        self._start_server()

    def _start_server(self) -> None:
        multiprocessing.forkserver.set_forkserver_preload([FIRST, *preload_names([*self.preload, *sys.modules])])
        with self._starting():
            # This one opens the signals again when it starts, hence first.
            multiprocessing.resource_tracker.ensure_running()
            signal.pthread_sigmask(signal.SIG_BLOCK, self.numbers)
            multiprocessing.forkserver.ensure_running()

    def run(self, order: Order, trial: OwnTrial) -> Outcome:
        """Run one trial to its end.

        Raises:
            HyperoptError: What the user has to correct before any trial can succeed.
        """
        if not self._task:
            self.warm_up()
        kills = oom_kills()
        struck, strikes_there = multiprocessing.get_context("forkserver").Pipe(duplex=False)
        try:
            with strikes_there:
                process, ours = started(trial_process.main, (self._task, strikes_there), self._starting)
        except (OSError, EOFError) as error:
            # The trial has not begun, and this worker would fare no better with the next one.
            _log.error(
                "no process for a trial can be started here (%s: %s); this worker ends", type(error).__name__, error
            )
            struck.close()
            return Interrupted()
        watched = _Watched(self, process, ours, struck, trial)
        try:
            with contextlib.suppress(OSError):  # it has died already
                ours.send_bytes(cloudpickle.dumps(order))
            outcome = watched.serve()
        finally:
            watched.end_by_force()
            ours.close()
            struck.close()
        if not self.interrupts.asked_to_end:  # else it starts no other trial
            self.learn(watched.imported)
        reason = None if watched.is_forced or _is_final(outcome) else reason_of(order.config.directory)
        if reason is not None:
            return outcome_of_rank(reason, has_killed_since(kills))
        if outcome is not None:
            return outcome
        if process.exitcode == SERVER_DIED:
            return Lost("the server of the trials' processes was killed from outside")
        return _outcome_of_exit(Exit(process.exitcode or 0, has_killed_since(kills)))

    @contextlib.contextmanager
    def _starting(self) -> Iterator[None]:
        with self._signals_blocked(), handing(), _marking():
            yield

    @property
    def numbers(self) -> Collection[signal.Signals]:
        """The signals that ask this worker, or its trial, to end."""
        return {signal.SIGINT, *self.interrupts.numbers}

    @contextlib.contextmanager
    def _signals_blocked(self) -> Iterator[None]:
        """The server, and a child until it is ready, must not die of a signal that is meant for the worker."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, self.numbers)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Watched:
    """One running child."""

    def __init__(
        self,
        settings: Isolation,
        process: ForkServerProcess,
        pipe: Connection,
        struck: Connection,
        trial: OwnTrial,
    ) -> None:
        self._settings = settings
        self._process = process
        self._pipe = pipe
        self._struck = struck
        self._trial = trial
        self._prune_said = False
        self._strikes: set[int] = set()
        self._begun = self._governed = settings.clock()
        self._is_cooperative = False
        self._patient_until: float | None = None
        self._killed_at: float | None = None
        self._forced: Outcome | None = None
        self.imported: Sequence[str] = ()
        self._programs: list[ProgramGroup] = []

    @property
    def is_forced(self) -> bool:
        """Whether the worker has killed it, or given it up."""
        return self._forced is not None

    def serve(self) -> Outcome | None:
        """Answer the child until it is done; None if it died."""
        while True:
            ready = wait([self._pipe, self._process.sentinel], _POLL_S)
            if self._pipe in ready:
                try:
                    name, args, kwargs = self._pipe.recv()
                except (EOFError, OSError):
                    self._process.join(_KILL_AFTER_S)
                    return self._died()
                if name == DONE:
                    if kwargs.get("has_read_seed"):
                        self._keep_reads_seed()
                    self.imported = kwargs.get("imported", ())
                    return self._done(*args)
                self._answer(name, args, kwargs)
            elif ready:
                return self._died()
            self._govern()

    def _keep_reads_seed(self) -> None:
        try:
            keep_reads_seed(self._trial)
        except NotOurTrialError as error:
            self._give_up(error)
        except Exception:  # noqa: BLE001 - a storage that is away; the outcome itself will tell
            _log.debug("that trial %d reads its seed cannot be stored now", self._trial.number)

    def _died(self) -> Outcome | None:
        counted = self._counted(None, forced=self._forced)
        return None if isinstance(counted, str) else counted

    def _done(self, said: Outcome | str, taken: Collection[int]) -> Outcome:
        self._process.join(_KILL_AFTER_S)
        outcome = self._counted(said, taken)
        if isinstance(outcome, str):
            raise HyperoptError(outcome)
        return outcome or Interrupted()

    def _counted(
        self, said: Outcome | str | None, taken: Collection[int] = (), forced: Outcome | None = None
    ) -> Outcome | str | None:
        """What the end of the process comes to; waits a while if a signal may have struck it before this worker."""
        self._hear()
        interrupts = self._settings.interrupts
        # What has struck the trial's process has also struck its program, which may have a handler of its own.
        taken = () if self._programs else taken
        ending = Ending(said, self._process.exitcode, self._strikes, taken, self._prune_said, forced=forced)
        if ending.may_be_a_signals(self._settings.numbers):
            until = self._settings.clock() + _OWN_SIGNAL_WITHIN_S
            while not interrupts.asked_to_end and self._settings.clock() < until:
                time.sleep(_POLL_S)
        return ending.counted(asked_to_end=interrupts.asked_to_end)

    def _hear(self) -> None:
        self._strikes |= strikes(self._struck) & set(self._settings.numbers)

    def _answer(self, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        asked = self._settings.clock()
        try:
            answer = (False, self._call(name, args, kwargs))
        except NotOurTrialError as error:
            self._give_up(error)
            return
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
            answer = (True, error)
        # The time for which a trial waits for the study (its server may be away) is not its own.
        self._begun += self._settings.clock() - asked
        with contextlib.suppress(BrokenPipeError):
            self._pipe.send(answer)

    def _call(self, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if name == CHECKPOINTED:
            self._trial.reach_checkpoint()
            self._is_cooperative = True
            self._settings.pace.mark()
            return self._settings.interrupts.asked_to_end
        if name == PROGRAM:
            self._programs += args
            return None
        attribute = getattr(self._trial, name)
        answer = attribute(*args, **kwargs) if callable(attribute) else attribute
        self._prune_said |= name == "should_prune" and bool(answer)
        return answer

    def _govern(self) -> None:
        """Interrupt the trial if the worker is asked to end, and kill it if it does not listen or takes too long."""
        now, settings, interrupts = self._settings.clock(), self._settings, self._settings.interrupts
        self._hear()
        if now - self._governed > _GAP_S:
            self._look_after_a_gap()
        self._governed = now
        asked_to_end = interrupts.asked_to_end
        timeout_s = settings.options.trial_timeout
        is_late = timeout_s is not None and now - self._begun > timeout_s
        if is_late and self._forced is None and not asked_to_end:
            text = f"the trial took longer than hydra.sweeper.trial_timeout={timeout_s:g} seconds"
            self._forced = Failed("timeout", text)
            self._kill()
        if asked_to_end and self._killed_at is None:
            if self._patient_until is None:
                self._patient_until = now + (settings.grace_s if self._is_cooperative else 0.0)
            if now >= self._patient_until or interrupts.wishes > 1:
                self._killed_at = now + _KILL_AFTER_S + max((program.grace_s for program in self._programs), default=0)
                self._signal(signal.SIGINT)
        if self._killed_at is not None and now >= self._killed_at and self._forced is None:
            self._forced = Interrupted()
            self._kill()

    def _look_after_a_gap(self) -> None:
        try:
            self._trial.check()
        except NotOurTrialError as error:
            self._give_up(error)
        except Exception:  # noqa: BLE001 - a storage that cannot be asked now says nothing; the next report asks again
            _log.debug("whose trial %d is cannot be asked now", self._trial.number)

    def _give_up(self, error: NotOurTrialError) -> None:
        """The trial goes on in other hands, so what runs here writes into another's directory: end it at once."""
        self._forced = Lost(str(error))
        self.end_by_force()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid(), number)

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)

    def end_by_force(self) -> None:
        """Leave nothing of the trial behind: neither the process nor what it has started in its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid(), signal.SIGKILL)
        self._process.join(_KILL_AFTER_S)
        if self._process.is_alive():
            self._process.kill()
            end_stopped_server()
            self._process.join()
        if self._process.exitcode == SERVER_DIED:
            end_orphan(self._pid(), _KILL_AFTER_S)
        for program in self._programs:
            program.end_rest()

    def _pid(self) -> int:
        return self._process.pid or 0


def _is_final(outcome: Outcome | None) -> bool:
    """Whether it stands, whatever became of another rank."""
    return not (outcome is None or isinstance(outcome, Failed | Lost))


def _outcome_of_exit(ended: Exit) -> Outcome:
    kind, text = verdict_of_exit(ended)
    return Lost(text) if kind == "infrastructure" else Failed(kind, text)


@contextlib.contextmanager
def _marking() -> Iterator[None]:
    """The server and the trials bear this worker's mark, by which others find them should this worker die."""
    before = os.environ.get(MARK)
    os.environ[MARK] = mark_of(os.getpid(), start_ticks(os.getpid()) or 0)
    try:
        yield
    finally:
        if before is None:
            del os.environ[MARK]
        else:
            os.environ[MARK] = before
