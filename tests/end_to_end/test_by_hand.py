# SPDX-License-Identifier: MIT
"""Workers that somebody starts by hand, from a sweep that was frozen before."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

from optuna.trial import TrialState

from tests.conftest import _environment_of_programs
from tests.end_to_end._studies import assert_exact, trials_of

Run = Callable[..., subprocess.CompletedProcess[str]]


def _config(text: str) -> None:
    Path("conf").mkdir(exist_ok=True)
    Path("conf/mine.yaml").write_text(text)


CONFIG = """
defaults:
  - override hydra/sweeper: async_optuna
  - override hydra/launcher: by_hand
objective: {_target_: objectives.sphere.Sphere}
x: 0.0
y: 0.0
z: 0.0
steps: STEPS
sleep: 0.0
hydra:
  sweep: {dir: study, subdir: "trials/${hydra.job.num}"}
  sweeper: {n_trials: 4, params: {x: "interval(0, 1)"}}
"""


def test_the_printed_command_works_with_what_was_frozen(run_app: Run) -> None:
    """The YAML is edited and deleted meanwhile; the worker sees it as it was, and the code's state is recorded."""
    _config(CONFIG.replace("STEPS", "3"))
    words = ("--config-dir", "conf", "--config-name", "mine", "--multirun")
    ended = run_app(*words)
    assert ended.returncode == 0, ended.stderr
    assert len([trial for trial in trials_of(Path("study")) if trial.state == TrialState.WAITING]) == 4
    _config(CONFIG.replace("STEPS", "7"))
    found = re.search(r"^ +(\S.*worker_process.*)$", ended.stdout + ended.stderr, re.MULTILINE)
    assert found is not None, ended.stdout + ended.stderr
    worker = subprocess.run(
        shlex.split(found[1]), env=_environment_of_programs(), capture_output=True, text=True, timeout=40, check=False
    )
    assert worker.returncode == 0, worker.stderr
    trials = assert_exact(Path("study"), 4)
    assert all("steps: 3" in Path(t.user_attrs["directory"], ".hydra/config.yaml").read_text() for t in trials)
    launch = Path("study/launches/0")
    assert '"packages"' in (launch / "environment.json").read_text()
    assert (launch / "payload.pkl").stat().st_mode & 0o777 == 0o600
