# SPDX-License-Identifier: MIT
"""A project like the public Lightning and Hydra templates is searched by worker processes, interrupted, and goes on."""

import signal
import subprocess
from collections.abc import Callable

import pytest

from tests.end_to_end import _template as template
from tests.end_to_end._studies import Family, ended, wait_for
from tests.end_to_end._template import STUDY, Start

pytest.importorskip("lightning", reason="lightning is not installed")
pytest.importorskip("tensorboard", reason="tensorboard is not installed")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LOCAL = ("hydra/launcher=local_workers", "hydra.sweeper.n_jobs=2", "hydra.sweeper.n_trials=12", "model.epoch_s=0.3")


def test_it_is_searched_with_pruning_and_goes_on_after_every_interruption(start_script: Start, family: Family) -> None:
    """A worker is killed, then the driver is told to end; the same command comes to exactly the budget.

    The trials go on from their checkpoints, and their loggers and checkpoints lie below `paths.output_dir`.
    """
    first = template.search(start_script, *LOCAL)
    victim = wait_for("a worker in mid-trial", template.kill_a_worker, 100)
    wait_for("its trial to go on", lambda: len(ended(STUDY)) >= 4, 60)
    first.send_signal(signal.SIGTERM)
    told = "".join(first.communicate(timeout=60))
    assert first.returncode == 130, told
    wait_for("the end of the workers", family.is_gone)
    assert len(ended(STUDY)) < 12
    second = template.search(start_script, *LOCAL)
    told = "".join(second.communicate(timeout=150))
    assert second.returncode == 0, told
    template.assert_went_on(template.assert_whole(12)[victim.number], victim)


def test_the_command_of_the_best_trial_trains_it_again(
    start_script: Start, run_script: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """What `best.yaml` prints runs as it is: one training with the same parameters."""
    done = template.search(start_script, "hydra/launcher=basic", "hydra.sweeper.n_trials=2")
    told = "".join(done.communicate(timeout=100))
    assert done.returncode == 0, told
    template.retrain(run_script)
