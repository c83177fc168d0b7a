# SPDX-License-Identifier: MIT
"""Run a function in several processes at a time, as the ranks of a trial or of a training alone: `launch_ranks`."""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

import cloudpickle

from hyperopt_app.config.seeding import seed_libraries
from hyperopt_app.objective.trial import current_seed, current_trial
from hyperopt_app.ranks.environment import refuse_in_a_worker
from hyperopt_app.ranks.failures import reason_of_error
from hyperopt_app.ranks.reasons import Reason, leave_reason
from hyperopt_app.ranks.surroundings import own_port, threads_per_rank

__all__ = ["launch"]

# Seconds in which ranks may end by themselves when another has ended, before they are killed.
_END_S = 3.0
_POLL_S = 0.1


def launch(function: Callable[..., Any], ranks: int, *arguments: Any) -> Any:
    """Run a function as several ranks; the public function is `hyperopt_app.launch_ranks`, which describes it."""
    if ranks < 1:
        raise ValueError(f"launch_ranks(..., {ranks}): the number of ranks must be positive")
    refuse_in_a_worker()
    payload = cloudpickle.dumps((function, arguments))
    variables = {"WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(ranks), "NODE_RANK": "0"}
    variables |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(own_port())}
    with _threads(ranks):
        started = [_started(rank, payload, variables) for rank in range(ranks)]
    try:
        return _result(started)
    finally:
        for rank in started:
            rank.end()


@dataclass
class _Rank:
    """A process that was started."""

    rank: int
    process: SpawnProcess
    pipe: Connection
    said: tuple[str, Any] | None = None
    said_at: float = float("inf")

    def hear(self) -> None:
        """Read what it has said, and note how it ended if it said nothing."""
        if self.said is not None:
            return
        if self.pipe.poll():
            with contextlib.suppress(EOFError, OSError):
                self.said = self.pipe.recv()
        if self.said is None and not self.process.is_alive():
            self.said = ("died", self.process.exitcode)
        if self.said is not None:
            self.said_at = time.monotonic()

    def end(self) -> None:
        """Leave nothing of it behind."""
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self.pipe.close()


def _started(rank: int, payload: bytes, variables: Mapping[str, str]) -> _Rank:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    own = {**variables, "RANK": str(rank), "LOCAL_RANK": str(rank)}
    process = context.Process(target=_main, args=(theirs, payload, own), name=f"rank {rank}")
    with theirs:
        process.start()
    return _Rank(rank, process, ours)


def _result(ranks: list[_Rank]) -> Any:
    """Wait for all ranks; the first end that is not a result ends the others soon."""
    until = float("inf")
    while any(rank.said is None for rank in ranks) and time.monotonic() < until:
        wait([source for rank in ranks if rank.said is None for source in (rank.pipe, rank.process.sentinel)], _POLL_S)
        for rank in ranks:
            rank.hear()
        if until == float("inf") and any(rank.said is not None and rank.said[0] != "returned" for rank in ranks):
            until = time.monotonic() + _END_S
    # What the others meet follows from the first.
    ends = {rank.rank: rank.said for rank in sorted(ranks, key=lambda rank: rank.said_at) if rank.said is not None}
    for number, (how, what) in ends.items():
        if how == "failed":
            raise RuntimeError(f"rank {number} of the training failed:\n{what}")
        if how == "died":
            _note_death(number, what)
            raise RuntimeError(f"the process of rank {number} died with exit code {what}")
    if any(how == "pruned" for how, _ in ends.values()):
        from optuna import TrialPruned

        raise TrialPruned
    if any(how == "left" for how, _ in ends.values()):
        raise KeyboardInterrupt
    return ends[0][1]


def _note_death(rank: int, code: int) -> None:
    trial = current_trial()
    if trial is not None:
        leave_reason(trial.directory, Reason(rank, exit_code=code))


def _main(pipe: Connection, payload: bytes, variables: Mapping[str, str]) -> None:
    """Call the function in a rank's process, and say how it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the process that has started this one ends it
    os.environ.update(variables)
    rank = int(variables["RANK"])
    try:
        seed = current_seed()
        if seed is not None:
            seed_libraries(seed)
        function, arguments = cloudpickle.loads(payload)
        returned = function(*arguments)
        pipe.send(("returned", returned if rank == 0 else None))
    except KeyboardInterrupt:
        pipe.send(("left", None))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is reported
        if type(error).__name__ == "TrialPruned":  # a job knows no Optuna
            pipe.send(("pruned", None))
            return
        trial = current_trial()
        reason = None if trial is None else reason_of_error(rank, error, trial.directory)
        if reason is not None and trial is not None:
            leave_reason(trial.directory, reason)
        pipe.send(("failed", "".join(traceback.format_exception(error))))
        sys.exit(1)


@contextlib.contextmanager
def _threads(ranks: int) -> Iterator[None]:
    """Let the processes that are started in the body inherit their number of threads, unless one is set."""
    if "OMP_NUM_THREADS" in os.environ:
        yield
        return
    os.environ["OMP_NUM_THREADS"] = str(threads_per_rank(ranks))
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
