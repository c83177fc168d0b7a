# SPDX-License-Identifier: MIT
"""What becomes of a forked process that comes back from user code."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = """
import os, sys
from hyperopt_app.objective.first_process import ending_forks

def user_code():
    print("before the fork")
    if os.fork():
        return os.waitstatus_to_exitcode(os.wait()[1])
    print("in the helper")
    {ending}

with ending_forks():
    code = user_code()
print("code", code)
"""


@pytest.mark.parametrize(
    ("ending", "code", "words"),
    [
        ("return 99", 0, ""),
        ("raise ValueError('of the helper')", 1, "ValueError: of the helper"),
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('bad news')", 1, "bad news"),
        ("sys.stdout.close()", 0, ""),
    ],
)
def test_a_fork_that_comes_back_ends_as_a_program_would(
    run_script: Callable[..., subprocess.CompletedProcess[str]], ending: str, code: int, words: str
) -> None:
    """With its exit code, its traceback, and what it has printed, once; what follows is the first process's alone."""
    program = Path("program.py").absolute()
    program.write_text(PROGRAM.format(ending=ending))
    done = run_script(program)
    assert done.stdout.splitlines() == ["before the fork", "in the helper", f"code {code}"]
    assert done.stderr.strip().endswith(words)
    assert bool(done.stderr) == bool(words)
