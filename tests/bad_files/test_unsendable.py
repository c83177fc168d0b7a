# SPDX-License-Identifier: MIT
"""What cannot be sent to the process of a worker."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

RunScript = Callable[..., CompletedProcess[str]]

SCRIPT = """
import threading
import hydra
from hydra.experimental.callback import Callback

class Locked(Callback):
    def __init__(self):
        self.lock = threading.Lock()

{lock}

@hydra.main(version_base=None, config_path=".", config_name="config")
def main(config):
    {use}
    return config.x

if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults: [_self_, override hydra/sweeper: async_optuna, override hydra/launcher: local_workers]
x: 1.0
hydra:
  {callbacks}
  sweep: {{dir: s, subdir: "${{hydra.job.num}}"}}
  sweeper: {{n_trials: 1, n_jobs: 1, params: {{x: "interval(0, 1)"}}}}
"""

pytestmark = pytest.mark.filterwarnings("ignore")


def _written(*, callbacks: str = "output_subdir: .hydra", lock: str = "", use: str = "pass") -> Path:
    Path("config.yaml").write_text(CONFIG.format(callbacks=callbacks), encoding="utf-8")
    Path("script.py").write_text(SCRIPT.format(lock=lock, use=use), encoding="utf-8")
    return Path("script.py")


def test_a_function_that_cannot_be_sent_ends_the_command_at_once(run_script: RunScript) -> None:
    """In a line that says why and what to do, not after three launches that leave nothing to look into."""
    ran = run_script(_written(lock="LOCK = threading.Lock()", use="LOCK.locked()"), "-m")
    told = ran.stdout + ran.stderr
    assert ran.returncode == 1
    assert "Traceback" not in told
    assert "cannot pickle '_thread.lock' object" in ran.stderr
    assert "hydra/launcher=basic" in ran.stderr
    assert told.count("Launching") == 1


def test_a_callback_that_cannot_be_sent_is_named_once(run_script: RunScript) -> None:
    """The search goes on without it, as the line says."""
    ran = run_script(_written(callbacks="callbacks: {mine: {_target_: __main__.Locked}}"), "-m")
    told = ran.stdout + ran.stderr
    assert ran.returncode == 0, told
    assert told.count("The Hydra callback Locked cannot be sent to another process") == 1
    assert "1 complete" in told
