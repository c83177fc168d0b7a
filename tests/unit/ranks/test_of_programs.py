# SPDX-License-Identifier: MIT
"""Which processes of a command's program join its trial, and what an exception that nobody catches tells it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.errors import RanksError
from hyperopt_app.objective.first_process import TRIAL_PID
from hyperopt_app.ranks import of_programs
from hyperopt_app.ranks.environment import ADDRESS, PROGRAM
from hyperopt_app.ranks.reasons import reason_of
from hyperopt_app.ranks.switchboard import Switchboard, spoken_here

ADDRESSES = {ADDRESS: "a:00", PROGRAM: "a:00"}


@pytest.fixture
def asked() -> list[tuple[Any, ...]]:
    return []


@pytest.fixture
def board(asked: list[tuple[Any, ...]], tmp_path: Path) -> Iterator[Switchboard]:
    """Of a trial whose first step is recorded; it is pruned at its third report and left at each checkpoint."""

    def ask(name: str, *args: Any, **_kwargs: Any) -> Any:
        asked.append((name, *args))
        reports = sum(call[0] == "report" for call in asked)
        return name == "checkpointed" or (name == "should_prune" and reports > 1)

    facts = {"number": 7, "params": {"x": 1.0}, "user_attrs": {}, "directory": tmp_path, "seed": 3, "reported": (1,)}
    facts |= {"resumed": False, "directions": 1, "direction_names": ("minimize",), "metric_names": (), "key_seed": None}
    nothing = threading.Event().set
    switchboard = Switchboard(facts, ("path", b"task", b"order"), lambda: b"", ask, nothing, nothing)
    yield switchboard
    switchboard.close(0.0)


def _program(board: Switchboard, code: str, **more: str) -> "subprocess.CompletedProcess[str]":
    variables = {ADDRESS: board.address, PROGRAM: board.address, TRIAL_PID: "1", **more}
    command = [sys.executable, "-c", f"import hyperopt_app as app\n{code}"]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)


def test_a_program_alone_speaks_for_its_trial(board: Switchboard, asked: list[tuple[Any, ...]]) -> None:
    """A step that is recorded already is not asked for again, but its value counts; pruned it ends with status 0."""
    done = _program(board, "trial = app.current_trial()\nprint(trial.number, app.current_seed())\napp.report(0.5, 1)")
    assert (done.returncode, done.stdout) == (0, "7 3\n"), done.stderr
    assert asked == [("should_prune",)]
    assert spoken_here().value == 0.5
    done = _program(board, "for step in (2, 3, 4): app.report(step / 8, step)")
    assert (done.returncode, done.stderr) == (0, "pruned at step 3 with 0.375\n")
    assert (spoken_here().value, spoken_here().is_pruned) == (0.375, True)


@pytest.mark.parametrize("rank", [0, 1])
def test_an_exception_of_a_rank_is_its_reason(board: Switchboard, tmp_path: Path, rank: int) -> None:
    """That of a program alone is not: its exit code and standard error tell of it."""
    done = _program(board, "app.current_trial()\nraise MemoryError('of a batch')", RANK=str(rank), LOCAL_RANK="0")
    assert done.returncode == 1
    reason = reason_of(tmp_path)
    assert reason is not None
    assert (reason.rank, reason.kind, reason.error) == (rank, "oom", "MemoryError: of a batch")
    assert "in <module>" in reason.traceback


def test_of_a_program_alone_its_exit_code_tells(board: Switchboard, tmp_path: Path) -> None:
    """A reason would name a rank that nobody has started."""
    done = _program(board, "app.current_trial()\nraise ValueError('of it')")
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: of it\n")
    assert reason_of(tmp_path) is None


def test_what_a_rank_starts_is_none(board: Switchboard) -> None:
    """A program with the rank of its parent, and a forked process."""
    child = "import hyperopt_app as app; print(app.current_trial())"
    code = f"import subprocess, sys\napp.current_trial()\nsubprocess.run([sys.executable, '-c', {child!r}])"
    done = _program(board, code, RANK="1", LOCAL_RANK="1")
    assert done.stdout == "None\n", done.stderr
    code = "import os\ntrial = app.current_trial()\nif os.fork() == 0: trial.report(0.5, 9)\nelse: print(os.wait()[1])"
    done = _program(board, code)
    assert "DescendantError" in done.stderr
    assert done.stdout == "256\n"


@pytest.mark.parametrize("variables", [{}, {PROGRAM: ""}, {ADDRESS: "a:00"}, {**ADDRESSES, PROGRAM: "b:00"}])
def test_a_program_of_no_trial_joins_none(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that another objective, or a trial of another search, has started."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert of_programs.join_as_program() is None


def test_ranks_inside_a_worker_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the words of all other ranks."""
    for name, value in {PROGRAM: "", TRIAL_PID: "1", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RanksError, match="needs a process of its own"):
        of_programs.join_as_program()


def test_a_rank_that_is_killed_leaves_it_to_its_program_to_tell(board: Switchboard, tmp_path: Path) -> None:
    """Its launcher knows the signal; nobody is to guess before."""
    done = _program(board, f"import os\napp.current_trial()\nos.kill(os.getpid(), {int(signal.SIGKILL)})", RANK="1")
    assert done.returncode == -signal.SIGKILL
    board.close(0.5)
    assert reason_of(tmp_path) is None
