# SPDX-License-Identifier: MIT
"""`hyperopt-app extend --workers` beside a scheduler whose stand-in runs each job at once."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperopt_app import cli
from hyperopt_app.launchers.payload import read_settings
from hyperopt_app.storage.opening import open_storage
from hyperopt_app.study.opening import only_study
from hyperopt_app.study.records.trial_records import holder_of
from hyperopt_app.study.stopping import Stop, write_stop
from tests.unit._made_studies import kept
from tests.unit.test_cli import _refusal

Run = Callable[..., "subprocess.CompletedProcess[str]"]

STUDY = Path("studies/sphere")
SEARCH = ("--multirun", "hparams=sphere", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1")


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that look like those of PBS: qsub runs the script to its end and numbers the jobs, qstat knows none."""
    programs = Path("bin").absolute()
    programs.mkdir()
    count = programs / "count"
    number = f"echo . >> {count}\njob=$(cat {count} | wc -l).server\n"
    (programs / "qsub").write_text(f'#!/bin/sh\n{number}PBS_JOBID=$job bash "$1" >"$1.log" 2>&1\necho $job\n')
    (programs / "qstat").write_text("#!/bin/sh\nexit 0\n")
    for name in ("qsub", "qstat"):
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


def _numbers_of_workers() -> list[int]:
    """Those of the workers that ran the trials, by trial."""
    trials = only_study(open_storage(None, STUDY, reading=True), None).get_trials()
    assert all(trial.state.name == "COMPLETE" for trial in trials)
    return [holder_of(trial)["number"] for trial in trials]


@pytest.mark.usefixtures("scheduler")
def test_further_workers_are_submitted_as_the_first_ones(run_app: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """With the config of then, numbers of their own, and the new budget; from any directory."""
    done = run_app(*SEARCH, "hydra/launcher=pbs_workers", "hydra.launcher.grace_s=1", "hydra.launcher.detach=true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert _numbers_of_workers() == [0, 0]
    assert (STUDY / "summary.txt").read_text(encoding="utf-8").startswith("sphere: 2 of 2 trials in "), "no driver did"
    study = STUDY.absolute()
    assert "no trial is left for it; add some with --trials N" in _refusal("extend", str(study), "--workers", "1")
    assert not (STUDY / "launches" / "1").exists()
    elsewhere = Path("elsewhere").absolute()
    elsewhere.mkdir()
    os.chdir(elsewhere)
    cli.main(["extend", str(study), "--trials", "1", "--workers", "5", "--walltime", "2:30:00"])
    assert Path.cwd() == elsewhere
    os.chdir("..")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 trial more: the budget is 3 now."
    assert lines[2] == "Submitted 1 worker, as many as trials are left (not 5): 2.server."
    assert _numbers_of_workers() == [0, 0, 1]
    settings, _ = read_settings(STUDY / "launches/1/payload.pkl")
    assert (settings["launcher"]["walltime"], settings["first_worker"], settings["workers"]) == (9000, 1, 1)
    (script,) = (path for path in (STUDY / "launches/1").iterdir() if "#PBS" in path.read_text(errors="replace"))
    assert "walltime=02:30:00" in script.read_text()
    write_stop(only_study(open_storage(None, STUDY), None), Stop("the user asked for it", is_fault=False))
    assert "the study was stopped, since the user asked for it" in _refusal("extend", "sphere", "--workers", "1")


def test_workers_of_other_launchers(run_app: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: the command that starts one; of a search whose workers are no jobs, what to do instead."""
    assert run_app(*SEARCH, "hydra/launcher=by_hand").returncode == 0
    cli.main(["extend", "sphere", "--workers", "1"])
    said = capsys.readouterr().out
    assert said.startswith("Start as many workers as you like, each with: ")
    assert said.rstrip().endswith(f"-m hyperopt_app.worker_process {STUDY.absolute()}/launches/0/payload.pkl")
    assert "have no time limit of ours" in _refusal("extend", "sphere", "--workers", "1", "--walltime", "1:00:00")
    kept(Path("studies/local"), [], n_trials=2)
    assert "give the search command in another shell too" in _refusal("extend", "local", "--workers", "1")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--walltime", "1:00:00"], "is for the jobs that --workers N submits"),
        ([], "--trials N, --workers N, or both"),
    ],
)
def test_what_cannot_be_had_is_said(words: list[str], says: str) -> None:
    """Before the study is looked for."""
    assert says in _refusal("extend", "nowhere", *words)


@pytest.mark.parametrize("time", ["soon", "90", "0:00:00", "1:2:3", "-1:00:00"])
def test_a_time_limit_has_one_form(time: str, capsys: pytest.CaptureFixture[str]) -> None:
    """That of Slurm's queue."""
    with pytest.raises(SystemExit):
        cli.main(["extend", "nowhere", "--workers", "1", f"--walltime={time}"])
    assert f"must be a time as HH:MM:SS or D-HH:MM:SS, got '{time}'" in capsys.readouterr().err
