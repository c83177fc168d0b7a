# SPDX-License-Identifier: MIT
"""Answer the ranks of a trial, in the trial's own process: each gets what rank zero got from the study.

Rank zero is this process itself, where a framework starts the other ranks as programs that run the objective from its
beginning; or it is a child of this process like the others. The switchboard also notices the death of a rank: it leaves
the reason in the trial's directory and ends the trial, since the ranks that are left wait for the dead one for ever.
"""

import contextlib
import os
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener, answer_challenge, deliver_challenge, wait
from pathlib import Path
from typing import Any

from hyperopt_app.processes.entries import process_entry
from hyperopt_app.ranks.answers import CHECKPOINTED, Answer, Answers, Spoken
from hyperopt_app.ranks.link import kept_alive
from hyperopt_app.ranks.nodes import layout_of, own_host, start_on_nodes
from hyperopt_app.ranks.reasons import NODE_LOST, Reason, leave_reason, reason_of

__all__ = ["Switchboard", "spoken_here"]

_POLL_S = 0.1
# Seconds in which the others may end by themselves after a rank has failed, or when all leave at a checkpoint.
_FAILED_S, _LEAVING_S = 3.0, 5.0
# Exit statuses of a rank that its parent has ended, which is what torch does with all ranks when one has failed: of a
# process that obeys SIGTERM, and of one that `obey_the_parent_alone` has prepared.
_ENDED_BY_PARENT = {-signal.SIGTERM, 128 + signal.SIGTERM}
# Seconds in which this process, which has waited for a rank or ended it, is to say why.
_SAID_S = 20.0
# Seconds in which somebody else is to tell how a rank has died: its program's end, or the agent of its node.
_TOLD_S = 60.0

# What rank zero of this process's trial has said.
_spoken = Spoken()


def spoken_here() -> Spoken:
    """Return what rank zero of the trial of this process has said, while that is another process."""
    return _spoken


@dataclass
class _Rank:
    """A rank that has joined."""

    rank: int
    # 0 on another node.
    pid: int
    pipe: Connection
    answers: Answers
    # Whether it belongs to a program that the trial runs as a command, and that waits for it.
    in_program: bool
    counts: Counter[str] = field(default_factory=Counter)
    # Whether all is known of its end.
    is_settled: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it has ended, and why is known."""
        return self.is_settled and (not self.pid or not _lives(self.pid))

    @property
    def is_first(self) -> bool:
        """Whether its calls are for the study: it is rank zero, and not this process."""
        return self.rank == 0


class Switchboard:
    """Serves the ranks of one trial, each from a thread.

    Args:
        facts: What a rank may know of the trial, by name.
        task: What a rank needs to run the objective from its beginning.
        script: Pickles the definitions of the user's script.
        ask: Makes a call of rank zero's; that of the trial.
        on_leave: Called when rank zero, another process, is about to be asked to leave at a checkpoint.
        interrupt: Called when the ranks had time to leave there: what waits for them may wait for a result.
    """

    def __init__(
        self,
        facts: Mapping[str, Any],
        task: tuple[Any, ...],
        script: Callable[[], bytes],
        ask: Callable[..., Any],
        on_leave: Callable[[], object],
        interrupt: Callable[[], object],
    ) -> None:
        self._facts, self._task, self._script = facts, task, script
        self._ask, self._on_leave, self._interrupt = ask, on_leave, interrupt
        self._directory = Path(facts["directory"])
        self._pid = os.getpid()
        self._own = Answers()
        global _spoken  # noqa: PLW0603 - a process has one trial
        _spoken = self._spoken = Spoken()
        self._launches: list[Answers] = []
        self._joined: Counter[int] = Counter()
        self._ranks: list[_Rank] = []
        self._lock = threading.Lock()
        self._kills = False
        self._nodes: list[Connection] = []
        self._key = secrets.token_bytes(16)
        self._is_network = layout_of(os.environ).ranks > 1
        if self._is_network:
            self._listener = Listener(("", 0), "AF_INET", backlog=64)
            place = f"{own_host()}/{self._listener.address[1]}"
        else:
            # An address that is in no folder, so that nothing is left of it whatever ends this process.
            place = f"hyperopt-{secrets.token_hex(8)}"
            self._listener = Listener(f"\0{place}", "AF_UNIX", backlog=64)
        self.address = f"{place}:{self._key.hex()}"
        threading.Thread(target=self._accept, name="ranks", daemon=True).start()

    def note(self, name: str, answer: Answer) -> None:
        """Store what this process, as rank zero, got for a call."""
        self._own.add(name, answer)

    @property
    def has_joined(self) -> bool:
        """Whether any rank has."""
        return bool(self._ranks)

    def close(self, patience_s: float) -> None:
        """End the ranks: they may end by themselves for a while, and then they are killed."""
        global _spoken  # noqa: PLW0603 - a process has one trial
        _spoken = Spoken()
        self._own.end()
        self._await_ranks(patience_s)
        self._kills = True
        for node in self._nodes:
            with contextlib.suppress(OSError):
                node.send("over")
        for rank in self._ranks:
            if rank.pid not in {0, self._pid} and _lives(rank.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(rank.pid, signal.SIGKILL)

    def _await_ranks(self, patience_s: float) -> None:
        until = time.monotonic() + patience_s
        while not all(rank.is_over for rank in self._ranks) and time.monotonic() < until:
            time.sleep(_POLL_S / 2)

    def _accept(self) -> None:
        while True:
            try:
                pipe = self._listener.accept()
            except (OSError, EOFError):
                continue
            threading.Thread(target=self._serve, args=(pipe,), name="rank", daemon=True).start()

    def _serve(self, pipe: Connection) -> None:
        with pipe, contextlib.suppress(OSError, EOFError, AuthenticationError):
            # Here, not where it is accepted: whoever says nothing keeps nobody else waiting.
            deliver_challenge(pipe, self._key)
            answer_challenge(pipe, self._key)
            if self._is_network:
                kept_alive(pipe)
            question, *more = pipe.recv()
            if question == "script":
                pipe.send(self._script())
            elif question == "task":
                pipe.send(self._task)
            elif question == "join":
                self._serve_rank(self._join(pipe, *more))
            elif question == "node":
                self._serve_node(pipe, *more)

    def start_ranks(self) -> None:
        """Start the further ranks, where the launcher gives a trial several."""
        layout = layout_of(os.environ)
        if layout.ranks > 1:
            try:
                start_on_nodes(layout, self._start_ended)
            except OSError as error:
                self._lose_node(f"the ranks of the trial cannot be started ({type(error).__name__}: {error})")

    def _start_ended(self, code: int) -> None:
        if code and not self._kills:
            self._lose_node(f"the ranks of the trial could not be started, or their nodes are gone (status {code})")

    def _serve_node(self, pipe: Connection, host: str) -> None:
        """Hear how the ranks of a node end, of which their node's agent tells."""
        self._nodes.append(pipe)
        try:
            while (ended := pipe.recv()) is not None:
                rank, code = ended
                if code and not self._kills:
                    leave_reason(self._directory, Reason(rank, exit_code=code))
                    self._end_trial()
        except (OSError, EOFError):
            if not self._kills:
                self._lose_node(f"the node {host} of the trial is gone")

    def _lose_node(self, text: str) -> None:
        leave_reason(self._directory, Reason(0, NODE_LOST, text))
        self._end_trial()

    def _join(self, pipe: Connection, rank: int, pid: int, from_start: bool, in_program: bool) -> _Rank:
        with self._lock:
            answers = self._own if from_start else self._answers_of_launch(rank)
            joined = _Rank(rank, pid, pipe, answers, in_program)
            self._ranks.append(joined)
        # Of a program even a value that is recorded already counts: it has nothing else to return.
        pipe.send({**self._facts, "reported": ()} if in_program else dict(self._facts))
        return joined

    def _answers_of_launch(self, rank: int) -> Answers:
        """The answers of the launch to which a rank belongs: its third time is of the third."""
        launch = self._joined[rank]
        self._joined[rank] += 1
        while len(self._launches) <= launch:
            self._launches.append(Answers())
        return self._launches[launch]

    def _serve_rank(self, rank: _Rank) -> None:
        reason = None
        try:
            while _heard(rank):
                name, *arguments = rank.pipe.recv()
                if name == "end":
                    reason = arguments[0]
                    break
                rank.pipe.send(self._answer(rank, *arguments))
            else:
                reason = self._loss(rank)
        except (OSError, EOFError):
            reason = self._loss(rank)
        if rank.is_first:
            rank.answers.end()
        if reason is not None:
            leave_reason(self._directory, reason)
        rank.is_settled = True
        if reason is not None:
            self._end_trial()

    def _answer(self, rank: _Rank, name: str, args: Any, kwargs: Any) -> Answer:
        if not rank.is_first:
            try:
                return rank.answers.next(name, rank.counts)
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
                return True, error
        if name == "agreed":
            rank.answers.add(args[0], (False, args[1]))
            return False, None
        try:
            answer: Answer = (False, self._ask_for_first(name, args, kwargs))
        except Exception as error:  # noqa: BLE001 - as above
            answer = (True, error)
        is_leaving = name == CHECKPOINTED and answer == (False, True)
        if is_leaving:
            self._on_leave()
        rank.answers.add(name, answer)
        if is_leaving:
            threading.Thread(target=self._leave, name="ranks leave", daemon=True).start()
        return answer

    def _ask_for_first(self, name: str, args: Any, kwargs: Any) -> Any:
        if name == "report":
            self._spoken.value, step = args
            if step in self._facts.get("reported", ()):
                return None
        answer = self._ask(name, *args, **kwargs)
        self._spoken.is_pruned |= name == "should_prune" and bool(answer)
        return answer

    def _leave(self) -> None:
        self._await_ranks(_LEAVING_S)
        self._interrupt()

    def _loss(self, rank: _Rank) -> Reason | None:
        """How a rank has died that said nothing; None if it was right to."""
        code = _exit_code(rank.pid) if rank.pid else None
        if self._kills or code == 0:
            return None
        if rank.in_program or not rank.pid:
            return self._loss_told_by_others(rank)
        if code is None or code in _ENDED_BY_PARENT:
            self._await_a_reason(_SAID_S)
        if self._kills:
            return None
        is_ended = any(other.is_settled for other in self._ranks) or reason_of(self._directory) is not None
        return None if code in _ENDED_BY_PARENT and is_ended else Reason(rank.rank, exit_code=code)

    def _loss_told_by_others(self, rank: _Rank) -> Reason | None:
        """Wait for what its program's end, or the agent of its node, tells; None if that has come, or will not."""
        rank.is_settled = True
        self._await_a_reason(_TOLD_S)
        is_alone = len({other.rank for other in self._ranks}) == 1
        return None if self._kills or is_alone else Reason(rank.rank)

    def _await_a_reason(self, patience_s: float) -> None:
        until = time.monotonic() + patience_s
        while not self._kills and reason_of(self._directory) is None and time.monotonic() < until:
            time.sleep(_POLL_S)

    def _end_trial(self) -> None:
        """Kill all that is left, after a while in which the trial may say by itself what it met."""
        time.sleep(_FAILED_S)
        if os.getpid() == self._pid and os.getpgid(0) == self._pid:
            os.killpg(0, signal.SIGKILL)


def _heard(rank: _Rank) -> bool:
    """Wait until a rank has something to say; False if it has died."""
    with _end_of(rank.pid) as end:
        while not rank.pipe.poll():
            wait([rank.pipe, *end], _POLL_S)
            # Looked at, not only listened to: what it has started may hold the other end of the pipe.
            if rank.pid and not _lives(rank.pid):
                return rank.pipe.poll()
    return True


@contextlib.contextmanager
def _end_of(pid: int) -> Iterator[list[int]]:
    """Yield a descriptor that is readable as soon as a process has ended; none where the kernel has no such.

    A framework that sees a dead rank before us waits for it and kills this process, and then nobody knows the cause.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield []
        return
    try:
        yield [descriptor]
    finally:
        os.close(descriptor)


def _lives(pid: int) -> bool:
    entry = process_entry(pid)
    return entry is not None and not entry.is_over


def _exit_code(pid: int) -> int | None:
    """The exit status of a child that nobody has waited for yet, which stays so; negative for a signal."""
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        try:
            status = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return None
        if status is not None:
            return status.si_status if status.si_code == os.CLD_EXITED else -status.si_status
        time.sleep(_POLL_S / 5)
    return None
