# SPDX-License-Identifier: MIT
"""A study that was begun beside another Hydra goes on beside this one."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.end_to_end._studies import assert_exact, trials_of

STUDY = Path("studies/sphere")
COMMAND = ("--multirun", "hparams=sphere", "hydra.sweeper.seed=7", "hydra/sweeper/sampler=tpe")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("hydra", ["hydra-1.3", "hydra-1.4"])
def test_it_goes_on_by_the_same_command(hydra: str, run_app: Run) -> None:
    """Nothing of it differs for the study: no change is reported, and what had ended stays as it is."""
    STUDY.mkdir(parents=True)
    journal = (REPO / "tests" / "other_hydra" / hydra / "journal.log").read_text(encoding="utf-8")
    (STUDY / "journal.log").write_text(journal.replace("/srv/search", str(Path.cwd())), encoding="utf-8")
    before = trials_of(STUDY)
    assert len(before) == 3
    done = run_app(*COMMAND, "hydra.sweeper.n_trials=6")
    assert done.returncode == 0, done.stderr
    assert "goes on with a change" not in done.stdout + done.stderr
    assert assert_exact(STUDY, 6)[:3] == before
