# SPDX-License-Identifier: MIT
"""`hydra.sweeper.dry_run=true`: what would be submitted, and nothing is."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPTS = {
    "slurm_workers": ["#SBATCH --array=0-2%3", "#SBATCH --gres=gpu:1", "hyperopt_app.worker_process"],
    "pbs_workers": ["#PBS -l select=1:ncpus=1:ngpus=1", "export HYPEROPT_WORKER=2", "hyperopt_app.worker_process"],
}
FIELDS = {"slurm_workers": ["hydra.launcher.gres=gpu:1"], "pbs_workers": ["hydra.launcher.ngpus=1"]}


@pytest.mark.parametrize("launcher", ["basic", "local_workers", "submitit_local", "by_hand", *SCRIPTS])
def test_a_dry_run_shows_all_and_starts_nothing(
    run_app: Callable[..., "subprocess.CompletedProcess[str]"], launcher: str
) -> None:
    """The script, three sampled configurations with the overrides that make them; no file is left."""
    words = ("--multirun", "hparams=sphere", f"hydra/launcher={launcher}", *FIELDS.get(launcher, ()))
    shown = run_app(*words, "hydra.sweeper.n_jobs=3", "hydra.sweeper.dry_run=true")
    assert shown.returncode == 0, shown.stderr
    for line in SCRIPTS.get(launcher, ["3 workers of the launcher "]):
        assert line in shown.stdout
    samples = [line for line in shown.stdout.splitlines() if line.startswith("# configuration ")]
    assert [line.split(":")[0] for line in samples] == [f"# configuration {number} of 3" for number in (1, 2, 3)]
    assert all(f"{key}=" in line for line in samples for key in "xyz")
    assert len(set(samples)) == 3
    assert shown.stdout.count("_target_: objectives.sphere.Sphere") == 1  # the others are shown by their differences
    differences = [line for line in shown.stdout.splitlines() if line.startswith("#   ")]
    assert [line.split(": ")[0].strip("# ") for line in differences] == ["against configuration 1:", *"xyz"] * 2
    assert not [path for path in Path.cwd().rglob("*") if path.is_file()]


def test_a_limit_shorter_than_slurms_usual_signal_leaves_time_to_work(
    run_app: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    """A job of a minute would be told to end two minutes before its end: less is asked of Slurm, with a word."""
    words = ("--multirun", "hparams=sphere", "hydra/launcher=slurm_workers", "hydra.sweeper.dry_run=true")
    shown = run_app(*words, "hydra.launcher.timeout_min=1")
    assert shown.returncode == 0, shown.stderr
    assert "#SBATCH --signal=USR2@1\n" in shown.stdout
    told = shown.stdout + shown.stderr
    assert told.count("hydra.launcher.signal_delay_s: Slurm would ask a job of 60 s (timeout_min=1) to end 120 s") == 1


@pytest.mark.parametrize(
    ("launcher", "limit"), [("slurm_workers", "timeout_min=1"), ("pbs_workers", "walltime=60")], ids=["slurm", "pbs"]
)
def test_a_grace_time_that_leaves_no_time_to_work_is_refused(
    run_app: Callable[..., "subprocess.CompletedProcess[str]"], launcher: str, limit: str
) -> None:
    """With the field, what came and what to set; nothing is written."""
    words = ("--multirun", "hparams=sphere", f"hydra/launcher={launcher}", f"hydra.launcher.{limit}")
    refused = run_app(*words, "hydra.launcher.grace_s=60")
    kept = f"the last 60 s of a job are kept for its end, and it has 60 s ({limit})"
    assert f"hydra.launcher.grace_s: {kept}; set at most 30, or a longer limit" in refused.stderr
    assert refused.returncode == 1
    assert not list(Path.cwd().iterdir())
