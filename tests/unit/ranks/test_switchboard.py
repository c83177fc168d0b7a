# SPDX-License-Identifier: MIT
"""The switchboard of a trial and the links of its ranks, over a real socket."""

import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.errors import RanksError
from hyperopt_app.ranks.environment import ADDRESS
from hyperopt_app.ranks.link import RankLink, ask_once, connected
from hyperopt_app.ranks.reasons import Reason, leave_reason, reason_of
from hyperopt_app.ranks.switchboard import Switchboard


class _Study:
    """Stands for the worker's end: notes what was asked, and answers from a list."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.asked_to_leave, self.left = threading.Event(), threading.Event()

    def ask(self, name: str, *args: Any, **_kwargs: Any) -> Any:
        self.asked.append((name, args))
        if name == "should_prune" and len(self.asked) > 2:
            raise ValueError("the study is away")
        return name == "checkpointed"


@pytest.fixture
def study() -> _Study:
    return _Study()


@pytest.fixture
def board(study: _Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Switchboard]:
    """One whose trial is number 7."""
    monkeypatch.setattr("hyperopt_app.ranks.switchboard._LEAVING_S", 0.1)
    facts = {"number": 7, "params": {"x": 1.0}, "user_attrs": {}, "directory": tmp_path, "seed": 3}
    task, script = ("path", b"task", b"order"), pickle.dumps({"f": 1})
    switchboard = Switchboard(facts, task, lambda: script, study.ask, study.asked_to_leave.set, study.left.set)
    monkeypatch.setenv(ADDRESS, switchboard.address)
    yield switchboard
    switchboard.close(0.0)


def test_ranks_get_what_the_trials_own_process_got(board: Switchboard, study: _Study) -> None:
    """A rank that runs the objective from its beginning is answered from the notes, and asks nobody."""
    board.note("should_prune", (False, False))
    board.note("suggest_float", (False, 0.5))
    board.note("should_prune", (False, True))
    for rank in (1, 2):
        link = RankLink(rank, from_start=True)
        assert (link.number, link.facts["seed"]) == (7, 3)
        assert link.suggest_float("lr", 0.0, 1.0) == 0.5
        assert link.params == {"x": 1.0, "lr": 0.5}
        link.report(1.0, 0)
        link.set_user_attr("a", 1)
        assert [link.should_prune(), link.should_prune()] == [False, True]
        link.end()
    assert study.asked == []


def test_rank_zero_may_be_a_process_of_its_own(board: Switchboard, study: _Study) -> None:
    """Its calls go to the study, the others wait for its answers, and an error reaches all."""
    zero, other = RankLink(0, from_start=False), RankLink(1, from_start=False)
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(other.should_prune()))
    waiting.start()
    zero.report(0.5, 1)
    other.report(0.7, 1)
    assert zero.should_prune() is False
    waiting.join()
    assert answers == [False]
    zero.report(0.25, 2)
    for link in (zero, other):
        with pytest.raises(ValueError, match="the study is away"):
            link.should_prune()
    assert study.asked == [("report", (0.5, 1)), ("should_prune", ()), ("report", (0.25, 2)), ("should_prune", ())]
    # A second launch in the same trial starts anew.
    again = RankLink(0, from_start=False)
    assert again.ask("checkpointed") is True
    assert study.asked_to_leave.is_set()
    assert RankLink(1, from_start=False).ask("checkpointed") is True
    for link in (zero, other, again):
        link.end()
    assert study.left.wait(20.0), "the trial's own process was not told that its ranks leave"


def test_others_get_no_answer_when_rank_zero_has_ended(board: Switchboard) -> None:
    """Instead of waiting for ever."""
    zero, other = RankLink(0, from_start=False), RankLink(1, from_start=False)
    zero.end()
    with pytest.raises(RanksError, match="the same calls"):
        other.should_prune()
    other.end()


def test_what_a_program_asks_without_joining(board: Switchboard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task and the definitions of the script."""
    assert ask_once("task") == ("path", b"task", b"order")
    assert pickle.loads(ask_once("script")) == {"f": 1}
    monkeypatch.delenv(ADDRESS)
    assert ask_once("task") is None


def test_strangers_are_refused(board: Switchboard) -> None:
    """The key is in the environment of the trial's own processes alone."""
    name, _, _ = board.address.partition(":")
    with pytest.raises(RanksError, match="cannot be reached"):
        connected(f"{name}:{'00' * 16}")
    link = RankLink(1, from_start=True)
    assert link.number == 7
    link.end()


def test_closing_ends_what_is_left(board: Switchboard) -> None:
    """A rank that does not end by itself is killed when patience ends; nobody is blamed for it."""
    pid = os.fork()
    if not pid:  # pragma: no cover - the rank
        RankLink(1, from_start=True)
        time.sleep(60)
        os._exit(0)
    while not board._ranks:
        time.sleep(0.01)
    board.close(0.0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9


@pytest.mark.parametrize("status", [143, -15])
def test_a_rank_that_its_parent_has_ended_is_not_the_cause(
    board: Switchboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """torch ends all ranks when one has died, and says only then which: the reason is that one's."""
    ended = threading.Event()
    monkeypatch.setattr(Switchboard, "_end_trial", lambda _self: ended.set())
    pid = os.fork()
    if not pid:  # pragma: no cover - the rank
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        RankLink(0, from_start=False)
        if status < 0:
            os.kill(os.getpid(), -status)
        os._exit(status)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    while not board._ranks:
        time.sleep(0.01)
    time.sleep(0.4)  # in which the board notices the end
    assert reason_of(tmp_path) is None
    leave_reason(tmp_path, Reason(1, exit_code=-11))
    while not board._ranks[0].is_settled:
        time.sleep(0.01)
    assert reason_of(tmp_path) == Reason(1, exit_code=-11)
    assert not ended.is_set()
    os.waitpid(pid, 0)
