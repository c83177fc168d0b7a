# SPDX-License-Identifier: MIT
"""How a trial's process is started by a server that may be dying."""

import contextlib
from typing import Any

import pytest

from hyperopt_app.objective.outcomes import Interrupted
from hyperopt_app.worker import fork_server
from hyperopt_app.worker.interrupts import Interrupts
from hyperopt_app.worker.isolation import Isolation

REFUSED = (ConnectionRefusedError(111, "Connection refused"), EOFError(), BrokenPipeError(32, "Broken pipe"))


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What each try to start a process comes to, in turn: an error, or a process; the last stays."""
    left: list[Any] = []

    def start(*_arguments: Any) -> Any:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, BaseException):
            raise found
        return found

    monkeypatch.setattr(fork_server, "_start", start)
    monkeypatch.setattr(fork_server, "_PAUSES_S", (0.0,) * 5)
    monkeypatch.setattr(fork_server, "_ended_by_itself", lambda: False)
    return left


def test_a_server_that_is_being_killed_is_tried_again(tries: list[Any]) -> None:
    """It looks alive for a moment, and refuses in one way or another."""
    tries += [*REFUSED, "a process"]
    assert fork_server.started(print, None, contextlib.nullcontext) == "a process"  # type: ignore[comparison-overlap]


def test_a_worker_that_can_start_no_process_ends_and_gives_its_ticket_back(tries: list[Any]) -> None:
    """The trial has not begun: nothing is charged to it."""
    tries += [OSError(11, "Resource temporarily unavailable")]
    isolation = Isolation(None, Interrupts([]), _task=b"packed")  # type: ignore[arg-type]
    assert isolation.run(None, None) == Interrupted()  # type: ignore[arg-type]


def test_a_server_that_cannot_import_is_started_without_imports(
    tries: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with an exit code; one that was killed keeps its imports."""
    told: list[Any] = []
    monkeypatch.setattr("multiprocessing.forkserver.set_forkserver_preload", told.append)
    tries += [EOFError(), "a process"]
    fork_server.started(print, None, contextlib.nullcontext)
    assert told == []
    monkeypatch.setattr(fork_server, "_ended_by_itself", lambda: True)
    tries[:] = [EOFError(), "a process"]
    fork_server.started(print, None, contextlib.nullcontext)
    assert told == [[fork_server.FIRST]]  # which finds what is not installed
