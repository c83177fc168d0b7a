# SPDX-License-Identifier: MIT
"""Our workers under Hydra's Ray launcher; `nox -s ray` installs it, elsewhere this is skipped."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end._studies import APPS, assert_exact

pytest.importorskip("ray", reason="Ray is not installed; `nox -s ray` runs this")
pytest.importorskip("hydra_plugins.hydra_ray_launcher", reason="hydra-ray-launcher is not installed")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_ray_carries_workers(run_script: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Two Ray tasks are two workers of one study: they meet, and the budget of eight trials is exact."""
    # A Ray of its own, that asks for no more than it needs; a project names the address of its cluster.
    own = ("+hydra.launcher.ray.init.num_cpus=2", "+hydra.launcher.ray.init.include_dashboard=false")
    app = (APPS / "rendezvous" / "app.py", "--multirun", "hydra/launcher=ray", *own)
    ended = run_script(*app, "workers=2", "hydra.sweeper.n_trials=8", timeout=150)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    trials = assert_exact(Path("study"), 8)
    assert len({trial.user_attrs["claim"]["number"] for trial in trials}) == 2
    assert all((Path("study/trials") / str(trial.number) / ".hydra" / "overrides.yaml").is_file() for trial in trials)
