# SPDX-License-Identifier: MIT
"""Somebody else's app whose task has hooks: a class of its script, below a decorator."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.end_to_end._studies import APPS, assert_exact

RunScript = Callable[..., subprocess.CompletedProcess[str]]


def test_the_hooks_of_an_app_are_called_in_driver_and_workers(run_script: RunScript) -> None:
    """A fault is told before anything starts; else trials start with the module, and the app's file is written."""
    for path in (APPS / "hooks").glob("*.*"):
        shutil.copy(path, Path())
    refused = run_script("train.py", "--multirun", "data=none.csv")
    assert refused.returncode == 1
    assert "data: none.csv is not there; give the file" in refused.stderr
    assert not Path("study").exists()
    done = run_script("train.py", "--multirun")
    assert done.returncode == 0, done.stdout + done.stderr
    trials = assert_exact(Path("study").absolute(), 3)
    assert [trial.user_attrs["was_imported"] for trial in trials] == [True] * 3
    assert Path("study/count.txt").read_text() == "3 trials of train.py"
    alone = run_script("train.py", "x=0.25")
    assert alone.returncode == 0, alone.stderr
