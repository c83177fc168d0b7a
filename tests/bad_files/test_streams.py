# SPDX-License-Identifier: MIT
"""Terminals that know few characters, and readers that have gone."""

import io
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from tests.bad_files._cases import SEARCH
from tests.bad_files._commands import Answer, Commands
from tests.conftest import _environment_of_programs

_NAME = "hydra.sweeper.study_name='größe-雨'"
_PLACE = "hydra.sweep.dir='schöne/s'"
_CLI = "import sys; from hyperopt_app.cli import main; main()"


@pytest.fixture
def run(commands: Commands) -> Callable[..., Answer]:
    """Runs a command to a good end without a traceback, at a terminal with an encoding."""

    def run(*words: str, encoding: str) -> Answer:
        answer = commands.run(*words, cwd=Path.cwd(), deadline_s=40.0, encoding=encoding)
        assert answer is not None
        assert "Traceback" not in answer.text, answer.text
        assert answer.code == 0, answer.text
        return answer

    return run


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("ascii", r"gr\xf6\xdfe-\u96e8"),
        pytest.param("latin-1", r"\xf6\xdfe-\u96e8", marks=[pytest.mark.slow, pytest.mark.nightly]),
    ],
)
def test_what_a_terminal_cannot_show_is_spelled(run: Callable[..., Answer], encoding: str, name: str) -> None:
    """In the lines of a search, in `status` and in `best`; nothing ends for it, and the files hold the characters."""
    search = run(*SEARCH, _NAME, _PLACE, encoding=encoding)
    assert name in search.out
    assert "of 3 complete" in search.out
    status = run("status", "schöne/s", encoding=encoding)
    assert name in status.out
    assert "3 done" in status.out
    assert r"\u96e8" in status.out
    assert "sch" in run("best", "schöne/s", encoding=encoding).out
    assert "schöne" in Path("schöne/s/best.yaml").read_text(encoding="utf-8")


def test_a_live_table_is_drawn_on_a_terminal_of_ascii() -> None:
    """Of a study whose name has other characters; its frame is of plain ones."""
    reading, writing = pty.openpty()
    words = (*SEARCH, "hydra/launcher=local_workers", _NAME, _PLACE)
    environment = {**_environment_of_programs(), "PYTHONIOENCODING": "ascii", "TERM": "xterm", "COLUMNS": "90"}
    program = subprocess.Popen(
        [sys.executable, "-c", _CLI, *words], stdout=writing, stderr=subprocess.PIPE, env=environment
    )
    os.close(writing)
    shown = io.BytesIO()
    reader = threading.Thread(target=_read, args=(reading, shown))
    reader.start()
    errors = program.communicate(timeout=120.0)[1].decode()
    reader.join()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.getvalue().decode("ascii"))
    assert program.returncode == 0, text + errors
    assert "Traceback" not in text + errors, text + errors
    assert r"+- gr\xf6\xdfe-\u96e8 -" in text
    assert "3 done" in text
    assert r"\u25" not in text, "of blocks and frames"


def _read(terminal: int, into: io.BytesIO) -> None:
    try:
        while some := os.read(terminal, 1 << 16):
            into.write(some)
    except OSError:  # how a terminal ends when its last writer has gone
        pass
    os.close(terminal)


def _writing_to(output: IO[bytes], *words: str) -> "subprocess.CompletedProcess[bytes]":
    """The command, whose standard output is this file."""
    return subprocess.run(
        [sys.executable, "-c", _CLI, *words],
        stdout=output,
        stderr=subprocess.PIPE,
        env=_environment_of_programs(),
        check=False,
        timeout=60.0,
    )


def _read_by_nobody(*words: str) -> "subprocess.CompletedProcess[bytes]":
    """The command, whose reader has gone before it writes."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        return _writing_to(closed, *words)


@pytest.mark.parametrize("command", ["status", "best"])
def test_a_reader_that_has_gone_is_no_fault(command: str, made: Path) -> None:
    """As with `| head -1`: the command ends without a word."""
    done = _read_by_nobody(command, str(made))
    assert done.stderr == b""
    assert done.returncode == 1


def test_a_search_goes_on_when_its_reader_has_gone() -> None:
    """`| head -1` of a search ends the lines, not the search, and no line more costs a traceback."""
    done = _read_by_nobody(*SEARCH)
    assert done.stderr == b""
    assert done.returncode == 0
    assert Path("s/best.yaml").is_file()


def test_a_full_disk_behind_the_output_is_told(made: Path) -> None:
    """`> FILE` on a full disk: one line."""
    with Path("/dev/full").open("wb") as full:
        done = _writing_to(full, "best", str(made))
    assert done.stderr == b"The output cannot be written: No space left on device\n"
    assert done.returncode == 1
