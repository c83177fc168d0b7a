# SPDX-License-Identifier: MIT
"""Trials on several processes: what they come to in the study, and that a rank never becomes a driver."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end._studies import APPS

Run = Callable[..., subprocess.CompletedProcess[str]]
APP = APPS / "ranks" / "app.py"


@pytest.mark.parametrize("variable", ["LOCAL_RANK", "RANK", "SLURM_PROCID"])
def test_a_rank_above_zero_opens_no_study(run_script: Run, variable: str) -> None:
    """Started with the driver's own command it says so in one line; nothing is written."""
    ended = run_script(APP, "--multirun", env={variable: "1"})
    assert ended.returncode == 1
    assert "opens no study" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not Path("study").exists()


@pytest.mark.parametrize("where", ["hydra/launcher=basic", "hydra.launcher.isolation=none"])
def test_trials_inside_their_worker_have_no_ranks(run_script: Run, where: str) -> None:
    """The rank is not even started; the study stops with the reason, and the trial's ticket is not spent."""
    ended = run_script(APP, "--multirun", "how=program", where)
    written = ended.stdout + ended.stderr
    assert ended.returncode == 2, written
    assert "needs a process of its own" in written
    assert "Traceback" not in ended.stderr
    assert "1 of 2" not in written
    assert "2 of 2 trials are left" in written
