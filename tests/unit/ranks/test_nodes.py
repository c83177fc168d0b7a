# SPDX-License-Identifier: MIT
"""Ranks that agents start on the nodes of a trial: which is which, how their ends are told, and that they end."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperopt_app.errors import RanksError
from hyperopt_app.objective.outcomes import Interrupted
from hyperopt_app.processes.entries import process_entry
from hyperopt_app.ranks import switchboard as switchboards
from hyperopt_app.ranks.environment import ADDRESS, REMOTE
from hyperopt_app.ranks.failures import outcome_of_rank
from hyperopt_app.ranks.link import RankLink, ask_once, connected
from hyperopt_app.ranks.nodes import Layout, layout_of
from hyperopt_app.ranks.reasons import NODE_LOST, Reason, reason_of
from hyperopt_app.ranks.switchboard import Switchboard
from hyperopt_app.schedulers.gpu_slots import NODES_PER_TRIAL, RANKS_PER_NODE


@given(nodes=st.integers(1, 9), per_node=st.integers(1, 9))
def test_each_rank_has_its_place(nodes: int, per_node: int) -> None:
    """Numbered from 0 over all nodes, as torch and Lightning count them."""
    layout = Layout(nodes, per_node)
    places = [layout.variables(node, local) for node in range(nodes) for local in range(per_node)]
    assert [int(place["RANK"]) for place in places] == list(range(layout.ranks))
    for place in places:
        assert int(place["RANK"]) == int(place["NODE_RANK"]) * per_node + int(place["LOCAL_RANK"])
        assert (place["WORLD_SIZE"], place["LOCAL_WORLD_SIZE"]) == (str(nodes * per_node), str(per_node))


@pytest.mark.parametrize(
    ("environment", "layout"),
    [
        ({}, Layout()),
        ({NODES_PER_TRIAL: "2"}, Layout(2, 1)),
        ({NODES_PER_TRIAL: "2", RANKS_PER_NODE: "4"}, Layout(2, 4)),
        ({NODES_PER_TRIAL: "0", RANKS_PER_NODE: "x"}, Layout()),
    ],
)
def test_the_layout_is_that_of_the_launcher(environment: dict[str, str], layout: Layout) -> None:
    """One process where it has set nothing."""
    assert layout_of(environment) == layout


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Switchboard]:
    """Of a trial on two nodes with two ranks each; what would end this process only notes it."""
    monkeypatch.setenv(NODES_PER_TRIAL, "2")
    monkeypatch.setenv(RANKS_PER_NODE, "2")
    monkeypatch.setattr(switchboards, "_FAILED_S", 0.1)
    facts = {"number": 7, "params": {}, "user_attrs": {}, "directory": tmp_path}
    nothing = threading.Event().set
    task: tuple[Any, ...] = ([], b"no task", b"no order")
    switchboard = Switchboard(facts, task, lambda: b"", lambda *_: None, nothing, nothing)
    monkeypatch.setenv(ADDRESS, switchboard.address)
    yield switchboard
    switchboard.close(0.0)


def _agent(program: str, tmp_path: Path, node: str = "1") -> "subprocess.Popen[str]":
    """An agent whose ranks run a program of the test."""
    text = f"from hyperopt_app.ranks import node_agent\nnode_agent.module_words = lambda _: ['-c', {program!r}]\n"
    path = tmp_path / "agent.py"
    path.write_text(f"{text}raise SystemExit(node_agent.main())\n")
    return subprocess.Popen([sys.executable, str(path)], env={**os.environ, "SLURM_NODEID": node}, text=True)


def _wait_for(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + 30.0
    while not (seen := look()) and time.monotonic() < until:
        time.sleep(0.02)
    assert seen
    return seen


def test_an_agent_tells_how_a_rank_has_died(board: Switchboard, tmp_path: Path) -> None:
    """From another node nobody else could; the others are ended with the trial."""
    program = "import os, time; os.kill(os.getpid(), 11) if os.environ['RANK'] == '3' else time.sleep(60)"
    agent = _agent(program, tmp_path)
    reason = _wait_for(lambda: reason_of(tmp_path))
    assert reason == Reason(3, exit_code=-11)
    board.close(0.0)
    assert agent.wait(30.0) == 0


def test_the_first_node_has_no_second_rank_zero(board: Switchboard, tmp_path: Path) -> None:
    """That is the trial's own process; the agent ends with its other ranks."""
    program = f"import os; open(os.path.join({str(tmp_path)!r}, os.environ['RANK']), 'w').close()"
    assert _agent(program, tmp_path, node="0").wait(30.0) == 0
    assert [path.name for path in tmp_path.iterdir() if path.name.isdigit()] == ["1"]
    assert reason_of(tmp_path) is None


def test_a_node_that_is_gone_is_no_failure_of_the_trial(board: Switchboard, tmp_path: Path) -> None:
    """It goes back without a lost attempt."""
    agent = _agent("import time; time.sleep(60)", tmp_path)
    _wait_for(lambda: board._nodes)
    agent.kill()
    agent.wait()
    reason = _wait_for(lambda: reason_of(tmp_path))
    assert reason.kind == NODE_LOST
    assert isinstance(outcome_of_rank(reason, kernel_killed=None), Interrupted)


def test_ranks_end_with_a_trial_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever has ended it: the system closes its connections."""
    program = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with Listener(("127.0.0.1", 0), "AF_INET", authkey=b"key") as listener:
        monkeypatch.setenv(ADDRESS, f"127.0.0.1/{listener.address[1]}:{b'key'.hex()}")
        agent = _agent(program, tmp_path)
        with listener.accept() as pipe:
            assert pipe.recv()[0] == "node"
            pid = int(_wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
            agent.terminate()  # which a scheduler sends to all: the agent leaves it to the worker
            assert not pipe.poll(0.5)
    assert agent.wait(30.0) == 0
    entry = process_entry(pid)
    assert entry is None or entry.is_over


def test_ranks_of_other_nodes_speak_over_the_network(board: Switchboard, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key of the trial; who has none, or says nothing, keeps nobody waiting."""
    monkeypatch.setenv(REMOTE, "1")
    place, _, _ = board.address.partition(":")
    host, _, port = place.rpartition("/")
    with Client((host, int(port)), "AF_INET"):  # says nothing
        with pytest.raises(RanksError, match="cannot be reached"):
            connected(f"{place}:{'00' * 16}")
        link = RankLink(3, from_start=True)
        assert ask_once("task") == ([], b"no task", b"no order")
        board.note("should_prune", (False, True))
        assert link.should_prune() is True
        link.end()
