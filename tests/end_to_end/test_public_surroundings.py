# SPDX-License-Identifier: MIT
"""What public projects do with Hydra around a sweep: callbacks, directories, logs, failures, stored studies."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.end_to_end._public_app import N_TRIALS, App, copied_app, stock_sweep
from tests.end_to_end._studies import APPS, assert_exact

RunScript = Callable[..., subprocess.CompletedProcess[str]]

SEARCH = ("hydra/sweeper=mine",)


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """The app with our sweeper's name in its files."""
    return copied_app(tmp_path / "ours", monkeypatch)


@pytest.mark.filterwarnings("ignore:hydra.utils.instantiate")  # Hydra 1.4 says so of every callback in a config
def test_a_callback_hears_of_every_trial(ours: App) -> None:
    """The app's own `on_job_start` is called once for each trial, and for nothing else."""
    found = ours.sweep(*SEARCH, "experiment=noticed")
    lines = Path("notices.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [str(trial.params["model.lr"]) for trial in found.trials]


def test_a_trial_works_in_its_directory(ours: App) -> None:
    """With `hydra.job.chdir=true` each trial has its own output directory as working directory."""
    found = ours.sweep(*SEARCH, "hydra.job.chdir=true")
    assert [job["cwd"] for job in found.jobs] == [job["dir"] for job in found.jobs]
    assert [Path(job["dir"]).name for job in found.jobs] == ["0", "1"]


def test_a_trial_has_the_environment_of_its_config(ours: App) -> None:
    """`hydra.job.env_set` is set while a trial runs."""
    found = ours.sweep(*SEARCH, "+hydra.job.env_set.FORM=seen")
    assert [job["env"] for job in found.jobs] == ["seen"] * N_TRIALS


def test_a_search_path_of_the_app_is_searched(ours: App) -> None:
    """`hydra.searchpath` leads to groups elsewhere, for the trials too."""
    found = ours.sweep(*SEARCH, f"hydra.searchpath=[file://{ours.place}/elsewhere]", "+data=big")
    assert [job["config"]["data"]["batch_size"] for job in found.jobs] == [128] * N_TRIALS


def test_directories_may_be_named_after_overrides(ours: App) -> None:
    """`${hydra.job.override_dirname}` in `sweep.subdir` is what the trial tries."""
    found = ours.sweep(*SEARCH, "hydra.sweep.subdir=${hydra.job.override_dirname}")
    names = [f"model.lr={trial.params['model.lr']}" for trial in found.trials]
    assert [Path(job["dir"]).name for job in found.jobs] == names


@pytest.mark.stock
def test_a_job_is_named_by_its_number(ours: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`${hydra.job.id}` in `sweep.subdir` gives 0, 1, 2, ..., as under the stock sweeper."""
    words = (*SEARCH, "hydra.sweep.subdir=job_${hydra.job.id}")
    found = ours.sweep(*words)
    theirs = stock_sweep(tmp_path / "stock", monkeypatch, *words)
    names = [Path(job["dir"]).name for job in found.jobs]
    assert names == [Path(job["dir"]).name for job in theirs.jobs] == ["job_0", "job_1"]


def test_a_log_may_lie_where_only_a_trial_can_have_it(ours: App) -> None:
    """A `job_logging` file below `${hydra.job.id}` is each trial's own; no worker stumbles over it."""
    found = ours.sweep(*SEARCH, "experiment=own_log")
    assert [trial.state for trial in found.trials] == [TrialState.COMPLETE] * N_TRIALS
    assert all(Path(job["dir"], "output.log").is_file() for job in found.jobs)


def test_failures_need_not_stop_a_study(ours: App) -> None:
    """With `max_failure_rate=1.0` and `max_consecutive_failures=null` every trial is tried, though all fail alike."""
    never = ("hydra.sweeper.max_failure_rate=1.0", "hydra.sweeper.max_consecutive_failures=null", "+fails=true")
    with pytest.raises(SystemExit):  # the command has found nothing
        ours.sweep(*SEARCH, *never, n_trials=5)
    assert len(ours.jobs) == 5


@pytest.mark.slow
def test_the_budget_is_the_studys(ours: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a stored study `n_trials` is the total: the command again adds nothing, where stock adds as many again."""
    words = ("hparams_search=sqlite",)
    ours.sweep(*words)
    assert len(ours.sweep(*words).trials) == N_TRIALS
    assert len(stock_sweep(tmp_path / "stock", monkeypatch, *words, times=2).trials) == 2 * N_TRIALS


@pytest.mark.slow
def test_a_package_is_searched(ours: App, run_script: RunScript) -> None:
    """`python -m package.train` works with worker processes too."""
    words = ("hydra.sweep.dir=sweep", "hydra/sweeper=mine", "hydra/launcher=local_workers", "hydra.sweeper.n_trials=2")
    ended = run_script("-m", "package.train", "--multirun", *words, cwd=ours.place)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_exact(ours.place / "sweep", 2)
    assert re.search(r"again: .*-m package\.train", ended.stdout + ended.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "local_workers"])
def test_types_of_the_script_travel(launcher: str, run_script: RunScript) -> None:
    """Dataclasses, an Enum and groups of dataclasses that the script defines reach the trials whole."""
    words = ("hydra.sweep.dir=sweep", f"hydra/launcher={launcher}", "hydra.sweeper.n_trials=3")
    ended = run_script(
        APPS / "forms" / "structured.py", "--multirun", *words, "lr=interval(0.0,1.0)", "net=small,large"
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert {trial.params["net"] for trial in assert_exact(Path("sweep"), 3)} <= {"small", "large"}
