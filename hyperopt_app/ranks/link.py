# SPDX-License-Identifier: MIT
"""Connect a rank to its trial: it asks the trial's own process, which answers as it has answered rank zero.

Runs in ranks: programs that a framework starts, and processes that an objective forks or spawns.
"""

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from typing import Any

from hyperopt_app.errors import RanksError
from hyperopt_app.ranks.answers import CHECKPOINTED, WRITES
from hyperopt_app.ranks.environment import ADDRESS, REMOTE, rank_of
from hyperopt_app.ranks.reasons import Reason

__all__ = ["RankLink", "ask_once", "connected", "kept_alive", "own_rank"]


def connected(address: str) -> Connection:
    """Open a connection to the switchboard of a trial.

    Raises:
        RanksError: The trial has ended.
    """
    place, _, key = address.partition(":")
    host, is_network, port = place.rpartition("/")
    try:
        if is_network:
            return kept_alive(Client((host, int(port)), "AF_INET", authkey=bytes.fromhex(key)))
        return Client(f"\0{place}", "AF_UNIX", authkey=bytes.fromhex(key))
    except (AuthenticationError, OSError, EOFError, ValueError) as error:
        raise RanksError(f"the trial of this rank cannot be reached ({type(error).__name__}); it has ended") from None


def kept_alive(pipe: Connection) -> Connection:
    """Have the system notice within half a minute that the node at the other end is gone; returns the connection."""
    with socket.socket(fileno=os.dup(pipe.fileno())) as end:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3)):
            end.setsockopt(socket.IPPROTO_TCP, name, value)
    return pipe


def ask_once(question: str) -> Any:
    """Ask the trial something without joining it; None outside a trial with ranks."""
    address = os.environ.get(ADDRESS)
    if address is None:
        return None
    with connected(address) as pipe:
        pipe.send((question,))
        return pipe.recv()


def own_rank() -> int | None:
    """Return this process's rank in a distributed training; None if it has none (yet)."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank())
    name, rank = rank_of(os.environ, ("LOCAL_RANK", "RANK"))
    return rank if name else None


class RankLink:
    """Optuna's trial as a rank sees it: it asks what rank zero asks, and gets the same answers.

    It can stand in the place of the trial in `objective.trial.Trial`.

    Args:
        rank: This process's.
        from_start: Whether this process runs the objective from its beginning, as rank zero does in the trial's own
            process; otherwise rank zero is a process like this one.
        in_program: Whether it belongs to a program that the trial runs as a command, which learns when the trial ends.

    Attributes:
        is_pruned: Whether the pruner has ended the trial.
        is_leaving: Whether the trial was asked to end at its checkpoint.
    """

    def __init__(self, rank: int, *, from_start: bool, in_program: bool = False) -> None:
        self.rank = rank
        self.is_pruned = self.is_leaving = False
        self._lock = threading.Lock()
        self._pipe = connected(os.environ[ADDRESS])
        # What this rank forks has no hold of the pipe; it would mix its words into ours.
        os.register_at_fork(after_in_child=self._pipe.close)
        # Of a rank on another node the number of its process says nothing; its node's agent tells of its end.
        pid = 0 if REMOTE in os.environ else os.getpid()
        self._pipe.send(("join", rank, pid, from_start, in_program))
        facts = self._pipe.recv()
        self.number = int(facts.pop("number"))
        self.params = dict(facts.pop("params"))
        self.user_attrs = dict(facts.pop("user_attrs"))
        # The others, which `objective.trial.Trial` takes by name.
        self.facts: Mapping[str, Any] = facts

    def ask(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Make a call of the trial's, or read an attribute, and return what rank zero got for it."""
        if self.rank and name in WRITES:
            return None
        with self._lock:
            try:
                self._pipe.send(("call", name, args, kwargs))
                is_error, answer = self._pipe.recv()
            except (OSError, EOFError):
                raise RanksError(f"{name}(): the trial of this rank has ended") from None
        if is_error:
            raise answer
        self.is_pruned |= name == "should_prune" and bool(answer)
        self.is_leaving |= name == CHECKPOINTED and bool(answer)
        return answer

    def agreed(self, name: str, compute: Callable[[], Any]) -> Any:
        """Compute something on rank zero; return what rank zero has computed."""
        if self.rank:
            return self.ask(name)
        value = compute()
        self.ask("agreed", name, value)
        return value

    def end(self, reason: Reason | None = None) -> None:
        """Say that this rank ends as it should, or has left a reason in the trial's directory."""
        with contextlib.suppress(OSError), self._lock:
            self._pipe.send(("end", reason))

    def __getattr__(self, name: str) -> Any:
        """Whatever else an objective asks of its trial."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name in {"distributions", "system_attrs", "relative_params", "datetime_start", "constraints"}:
            return self.ask(name)
        return self._caller(name)

    def _caller(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            answer = self.ask(name, *args, **kwargs)
            if name.startswith("suggest_"):
                self.params[str(args[0] if args else kwargs["name"])] = answer
            elif name == "set_user_attr":
                key, value = args or (kwargs["key"], kwargs["value"])
                self.user_attrs[key] = value
            return answer

        return call
