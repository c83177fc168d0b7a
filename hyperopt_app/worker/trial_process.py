# SPDX-License-Identifier: MIT
"""Run the objective in a trial's own process, which accesses the study only through a pipe to the worker.

The process is forked from a server that has the imports done, never opens the storage, and ends with its trial. The
other half is `isolation`.
"""

import contextlib
import multiprocessing.forkserver
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cloudpickle

from hyperopt_app.config.seeding import key_seed, seed_libraries
from hyperopt_app.errors import HyperoptError
from hyperopt_app.objective.child_errors import child_exit
from hyperopt_app.objective.first_process import FirstProcess, ending_forks
from hyperopt_app.objective.outcomes import Completed, Failed, Outcome, Pruned, outcome_of
from hyperopt_app.objective.trial import Trial, active_trial
from hyperopt_app.processes.groups import ProgramGroup
from hyperopt_app.processes.helpers import calm_forked_processes
from hyperopt_app.processes.python_start import search_path
from hyperopt_app.ranks.answers import CHECKPOINTED, Answer
from hyperopt_app.ranks.failures import reason_of_outcome
from hyperopt_app.ranks.joining import let_ranks_join
from hyperopt_app.ranks.reasons import Reason, forget_reason, leave_reason
from hyperopt_app.ranks.surroundings import prepare
from hyperopt_app.ranks.switchboard import Switchboard
from hyperopt_app.study.repeated_warnings import each_warning_once
from hyperopt_app.support.hydra_state import script_definitions, unpacked
from hyperopt_app.worker.attempt import attempt
from hyperopt_app.worker.fork_server import Imports
from hyperopt_app.worker.interruption import Where
from hyperopt_app.worker.interrupts import Interrupts, let_strikes_be_heard
from hyperopt_app.worker.trial_job import TrialConfig, TrialJobs

__all__ = ["DONE", "PROGRAM", "Order", "main"]

# What the child says last by the pipe; before, it asks for methods of Optuna's trial, and at its checkpoints.
DONE = "done"
PROGRAM = "program"

# Seconds between two looks at the worker.
_WATCH_S = 0.2
# Seconds in which a trial's other ranks may end by themselves: when it is over, and when it has failed or must leave.
_RANKS_END_S, _RANKS_LEAVE_S = 10.0, 1.0


Writing = Callable[[], contextlib.AbstractContextManager[Any]]


@dataclass(frozen=True)
class Order:
    """What the worker asks of the child, beside the task: plain data.

    Attributes:
        config: The trial's composed config.
        origin: The worker's own working directory.
        study_dir: Absolute directory of the study.
        number: The trial's number.
        params: Its parameters.
        user_attrs: Its user attributes.
        seed: For the training.
        resumed: Whether an earlier worker has run a part of it.
        metric_names: The optimised metrics.
        directions: How many values are optimised.
        returned_values: How many the objective returns.
        direction_names: `minimize` or `maximize` for each.
        reported: Steps that are recorded already.
        signals: The signals that the worker answers for this process.
        worker_pid: The worker's process id; without it the trial must not go on, since another worker will take it.
    """

    config: TrialConfig
    origin: Path
    study_dir: Path
    number: int
    params: Mapping[str, Any]
    user_attrs: Mapping[str, Any]
    seed: int
    resumed: bool
    metric_names: Sequence[str]
    directions: int
    returned_values: int
    direction_names: Sequence[str]
    reported: Collection[int]
    signals: Sequence[str]
    worker_pid: int


class RemoteTrial:
    """Optuna's trial, at the other end of a pipe; one call at a time, from any thread."""

    def __init__(self, pipe: Connection, order: Order, writing: Writing = contextlib.nullcontext) -> None:
        self._first = FirstProcess()
        self._pipe = pipe
        self._writing = writing
        self._lock = threading.Lock()
        self.number = order.number
        self.params = dict(order.params)
        self.user_attrs = dict(order.user_attrs)
        self.seed_reads: list[bool] = []
        self.programs: list[ProgramGroup] = []
        self._counts: dict[str, int] = {}
        self.on_answer: Callable[[str, Answer], object] = lambda _name, _answer: None

    def ask(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Have the worker call a method of the real trial, or read an attribute, and return what it came to."""
        self._first.check(f"trial.{name}")
        # An interrupt between the question and its answer would give that answer to the next question.
        with self._writing(), self._lock:
            answer = self._answer(name, args, kwargs)
            self.on_answer(name, answer)
        return _returned(answer)

    def agreed(self, name: str, compute: Callable[[], Any]) -> Any:
        """Compute something here, on rank zero, and let other ranks have it."""
        value = compute()
        self.on_answer(name, (False, value))
        return value

    def count(self, key: str, more: int = 0) -> dict[str, int]:
        """Count something, for all ranks."""
        self._counts[key] = self._counts.get(key, 0) + more
        counts = dict(self._counts)
        self.on_answer("count", (False, counts))
        return counts

    def ask_for_rank(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Ask for rank zero, where that is a child of this process; from a thread, which no signal interrupts."""
        with self._lock:
            if name == "count":
                return self.count(*args, **kwargs)
            answer = self._answer(name, args, kwargs)
        return _returned(answer)

    def _answer(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Answer:
        self._pipe.send((name, args, kwargs))
        is_error, value = self._pipe.recv()
        return is_error, value

    def keep_program(self, group: ProgramGroup) -> None:
        """Have the worker, and this process where the worker is gone, end a program that has been started."""
        self.programs.append(group)
        self.ask(PROGRAM, group)

    def __getattr__(self, name: str) -> Any:
        """Whatever else an objective asks of its trial."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name == "study":
            raise AttributeError("an isolated trial has no study at hand; hydra.launcher.isolation=none gives it one")
        if name in {"distributions", "system_attrs", "relative_params", "datetime_start", "constraints"}:
            return self.ask(name)
        return lambda *args, **kwargs: self._call(name, args, kwargs)

    def _call(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        answer = self.ask(name, *args, **kwargs)
        if name.startswith("suggest_"):
            self.params[str(args[0] if args else kwargs["name"])] = answer
        elif name == "set_user_attr":
            key, value = args or (kwargs["key"], kwargs["value"])
            self.user_attrs[key] = value
        return answer


def _returned(answer: Answer) -> Any:
    is_error, value = answer
    if is_error:
        raise value
    return value


def main(pipe: Connection, argument: tuple[bytes, Connection]) -> None:
    """Run one trial and send its outcome; the target of the child process.

    The order comes by the pipe, and does not come if the worker has heard nothing of this process.
    """
    with ending_forks():
        task, struck = argument
        interrupts = _prepare()
        let_strikes_be_heard(struck)
        try:
            order = pipe.recv_bytes()
        except EOFError:
            return
        _serve(pipe, task, order, interrupts)


def _serve(pipe: Connection, task: bytes, order: bytes, interrupts: Interrupts) -> None:
    # What the objective forks has no hold of the pipe; it would mix its words into ours.
    os.register_at_fork(after_in_child=pipe.close)
    # Both bytes are the worker's own.
    imports = Imports()
    jobs, hydra = unpacked(task)
    hydra.restore()
    wanted: Order = pickle.loads(order)  # noqa: S301
    remote = RemoteTrial(pipe, wanted, interrupts.writing)
    watched = (wanted.worker_pid, remote.programs)
    threading.Thread(target=_end_with, args=watched, name="worker watch", daemon=True).start()
    forget_reason(wanted.config.directory)
    ranks = _switchboard(wanted, (task, order), remote, interrupts)
    prepare(ranks.address)
    ranks.start_ranks()
    let_ranks_join()
    with each_warning_once(wanted.study_dir), interrupts.listening():
        # The worker's SIGINT may be waiting since this process began.
        taken = _unblock(wanted.signals)
        try:
            outcome: Outcome | HyperoptError = attempt(
                partial(_call_objective, jobs, wanted, remote, interrupts), interrupts, Where.TRIAL_PROCESS
            )
        except HyperoptError as error:
            outcome = error
    reason = reason_of_outcome(0, outcome, wanted.config.directory) if ranks.has_joined else None
    if reason is not None:
        leave_reason(wanted.config.directory, reason)
    ranks.close(_RANKS_END_S if isinstance(outcome, Completed | Pruned) else _RANKS_LEAVE_S)
    _flush()
    with contextlib.suppress(BrokenPipeError):
        if interrupts.asked_to_end:
            taken.add(signal.SIGINT)
        notes = {"has_read_seed": bool(remote.seed_reads), "imported": imports.forkable()}
        pipe.send((DONE, (_plain(outcome), taken), notes))


def _switchboard(order: Order, task: tuple[bytes, bytes], remote: RemoteTrial, interrupts: Interrupts) -> Switchboard:
    """What answers this trial's ranks."""
    facts = {
        **{name: getattr(order, name) for name in ("number", "seed", "resumed", "directions", "direction_names")},
        "directory": order.config.directory,
        "params": dict(order.params),
        "user_attrs": dict(order.user_attrs),
        "metric_names": tuple(order.metric_names),
        "reported": tuple(order.reported),
        "key_seed": key_seed(order.config.task),
    }
    script = partial(cloudpickle.dumps, script_definitions())
    interrupt = partial(os.kill, os.getpid(), signal.SIGINT)
    ranks = Switchboard(facts, (search_path(), *task), script, remote.ask_for_rank, interrupts.end, interrupt)
    remote.on_answer = ranks.note
    return ranks


def _call_objective(jobs: TrialJobs, order: Order, remote: RemoteTrial, interrupts: Interrupts) -> Completed | Failed:
    trial = Trial(
        remote,  # type: ignore[arg-type]  # as good as Optuna's own, for what an objective may ask of it
        directory=order.config.directory,
        seed=order.seed,
        resumed=order.resumed,
        metric_names=order.metric_names,
        reported=order.reported,
        writing=interrupts.writing,
        on_checkpoint=lambda: interrupts.at_checkpoint(lambda: bool(remote.ask(CHECKPOINTED))),
        on_saved=lambda: remote.ask(CHECKPOINTED),
        directions=order.directions,
        direction_names=order.direction_names,
        on_seed=lambda: remote.seed_reads.append(True),
        key_seed=key_seed(order.config.task),
        on_program=remote.keep_program,
    )
    os.chdir(order.origin)
    _refuse_a_used_device()
    # All children begin with the server's state, where processes of their own would begin apart.
    seed_libraries(order.seed)
    with active_trial(trial), interrupts.objective():
        try:
            returned = jobs.run(order.config)
        except Exception as error:
            _note_exit_of_rank(error, order.config.directory)
            raise
    return outcome_of(returned, order.metric_names, order.returned_values)


def _note_exit_of_rank(error: Exception, directory: Path) -> None:
    """Leave the reason for a child that torch has waited for, so that nobody else can learn how it ended."""
    ended = child_exit(error)
    if ended is not None:
        leave_reason(directory, Reason(ended[0], exit_code=ended[1]))


def _prepare() -> Interrupts:
    """A group of its own, so that nothing which the objective starts outlives it; SIGINT comes from the worker."""
    os.setpgid(0, 0)
    calm_forked_processes()
    # The server has left its own method behind: a data loader would pickle what it copies in an unisolated trial.
    multiprocessing.set_start_method(None, force=True)
    _leave_the_server()
    return Interrupts(["SIGINT"])


def _leave_the_server() -> None:
    """Let the objective's own `forkserver` pools (Python 3.14's default) be children of this process, not of ours.

    The worker's server would make them deaf to SIGTERM, on which `Pool.terminate` waits, and leave them behind.
    """
    own, module = multiprocessing.forkserver.ForkServer(), multiprocessing.forkserver
    for name in ("ensure_running", "connect_to_new_process", "set_forkserver_preload"):
        setattr(module, name, getattr(own, name))


def _end_with(worker_pid: int, programs: Sequence[ProgramGroup]) -> None:
    """End this process, and what it has started, when the worker is gone."""
    while True:
        try:
            os.kill(worker_pid, 0)
        except ProcessLookupError:
            for program in programs:
                program.kill()
            os.killpg(0, signal.SIGKILL)
        time.sleep(_WATCH_S)


def _unblock(names: Sequence[str]) -> set[int]:
    """Ignore the signals that the scheduler sends to every process of a job: the worker tells what they mean.

    A handler, not SIG_IGN, which programs that the objective starts would inherit.

    Returns:
        The signals that were ignored in this way; it grows. What a handler of the objective's own gets is not in it.
    """
    taken: set[int] = set()
    numbers = [signal.Signals[name] for name in names if name != "SIGINT"]
    for number in numbers:
        signal.signal(number, lambda number, _frame: taken.add(number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*numbers, signal.SIGINT})
    return taken


def _refuse_a_used_device() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        raise HyperoptError(
            "hydra.launcher.isolation: a module uses CUDA while it is imported, and a device cannot be shared with the "
            "trial's own process; move that into a function, or set isolation=none"
        )


def _plain(outcome: Outcome | HyperoptError) -> Outcome | str:
    """What can be pickled in any case: an error of ours may hold whatever it was made of."""
    return str(outcome) if isinstance(outcome, HyperoptError) else outcome


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
