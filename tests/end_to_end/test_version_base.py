# SPDX-License-Identifier: MIT
"""What a program asks of Hydra by `version_base` keeps its meaning in our trials."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests._releases import IS_1_4
from tests.end_to_end._studies import APPS, assert_exact

APP = APPS / "foreign_1_2" / "train.py"
# Whether a job runs in its own directory. Hydra 1.4 refuses to be as old as 1.1 or 1.2.
IN_ITS_OWN = {"1.3": False, "": False} if IS_1_4 else {"1.1": True, "1.2": False, "1.3": False, "": True}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("launcher", ["basic", "local_workers"])
@pytest.mark.parametrize("base", IN_ITS_OWN, ids=[base or "none" for base in IN_ITS_OWN])
def test_a_trial_runs_where_its_program_expects_it(
    base: str, launcher: str, run_script: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Hydra's own jobs do: in the job's directory, or where the command was typed."""
    if base:
        monkeypatch.setenv("VERSION_BASE", base)
    by_hydra = run_script(APP, "--multirun", "x=1,2", "hydra.sweep.dir=plain")
    assert by_hydra.returncode == 0, by_hydra.stderr
    assert {str(path.parent) for path in Path().rglob("left.txt")} == (
        {"plain/0", "plain/1"} if IN_ITS_OWN[base] else {"."}
    )
    words = ("hydra.sweeper.n_trials=2", "x=interval(0,1)", f"hydra/launcher={launcher}")
    done = run_script(APP, "--multirun", "hydra/sweeper=async_optuna", "hydra.sweep.dir=ours", *words)
    assert done.returncode == 0, done.stderr
    assert_exact(Path("ours"), 2)
    assert {str(path.parent) for path in Path("ours").rglob("left.txt")} == (
        {"ours/0", "ours/1"} if IN_ITS_OWN[base] else set()
    )
