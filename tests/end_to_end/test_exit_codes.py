# SPDX-License-Identifier: MIT
"""Exit codes, as docs/running.md has them: they speak of this run, in the application and in a stranger's script."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperopt_app import cli
from hyperopt_app.legacy.commands import main as legacy
from tests.conftest import REPO
from tests.end_to_end._legacy import OBJECTIVE, write_readme_example
from tests.end_to_end._studies import APPS, Family, trials_of, wait_for

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]
Code = Callable[..., int]

STUDY = Path("study")
LOCAL = ("hydra/launcher=local_workers",)
BROKEN = {"PYTHONPATH": os.pathsep.join((str(REPO), str(APPS / "objectives")))}


@pytest.fixture
def code(run_script: Run) -> Code:
    """`code(*overrides, do="")`: the exit code of a stranger's search, which shows no traceback of ours."""

    def run(*overrides: str, do: str = "") -> int:
        done = run_script(APPS / "ends" / "app.py", "--multirun", *overrides, env={"HYPEROPT_TEST_DO": do})
        assert "hydra_plugins" not in done.stderr, done.stderr
        return done.returncode

    return run


@pytest.mark.parametrize(
    "launcher", [pytest.param((), id="driver"), pytest.param(LOCAL, id="processes", marks=pytest.mark.slow)]
)
def test_the_code_speaks_of_this_run(code: Code, launcher: tuple[str, ...]) -> None:
    """2 if all trials of this run fail, whatever an earlier one completed; 0 if they complete, or there are none."""
    assert code(*launcher, "hydra.sweeper.n_trials=1") == 0
    assert code(*launcher, "hydra.sweeper.n_trials=3", do="fail") == 2
    assert code(*launcher, "hydra.sweeper.n_trials=4") == 0
    assert code(*launcher, "hydra.sweeper.n_trials=4", do="fail") == 0
    assert [trial.state.name for trial in trials_of(STUDY)] == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]


def test_failures_that_end_a_run_early_are_2(code: Code) -> None:
    """A rule of the sweeper ends it after the first failure of eight; a timeout would not be a fault."""
    assert code("hydra.sweeper.n_trials=8", "hydra.sweeper.max_consecutive_failures=1", do="fail") == 2
    assert sum(trial.state.is_finished() for trial in trials_of(STUDY)) == 1


def test_workers_that_end_fruitlessly_are_2(code: Code) -> None:
    """The first dies, and none after it can leave its sign of life: a file stands in the place of the folder."""
    own = ("hydra/launcher=local_workers", "hydra.launcher.isolation=none", "hydra.sweeper.n_jobs=1")
    assert code("hydra.sweeper.n_trials=2", *own, do="die") == 2


def test_a_run_that_stops_as_asked_is_0(code: Code) -> None:
    """By `hyperopt-app stop`, given while the first of eight trials runs; by its time."""
    assert code("hydra.sweeper.n_trials=8", do="stop") == 0
    assert sum(trial.state.is_finished() for trial in trials_of(STUDY)) == 1
    assert code("hydra.sweeper.n_trials=8", "hydra.sweeper.timeout=0.001", do="fail") == 0


def test_what_is_wrong_before_anything_starts_is_1(code: Code) -> None:
    """A fault in the configuration, and a study that searches something else."""
    assert code("hydra.sweeper.n_jobs=0") == 1
    assert not STUDY.exists()
    assert code("hydra.sweeper.n_trials=1") == 0
    assert code("x=interval(0, 9)") == 1


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_an_interrupted_run_is_130(start_script: Start, family: Family, name: str) -> None:
    """By a plain `kill` or a closed terminal, while a trial runs; no process is left."""
    driver = start_script(APPS / "ends" / "app.py", "--multirun", *LOCAL, env={"HYPEROPT_TEST_DO": "wait"})
    wait_for("a trial that runs", Path("waits").exists)
    driver.send_signal(signal.Signals[name])
    output, errors = driver.communicate()
    assert driver.returncode == 130, output + errors
    wait_for("the end of every process", family.is_gone)


def test_the_application_ends_with_the_same_codes(run_app: Run) -> None:
    """2 for an objective that always fails, with its own error and no traceback of ours; 1 for a fault."""
    command = ("--multirun", "hparams=sphere", "objective._target_=for_tests.Broken", "steps=3")
    done = run_app(*command, "hydra.sweeper.n_trials=1", env=BROKEN)
    assert (done.returncode, "no layer of width 3" in done.stderr) == (2, True), done.stdout + done.stderr
    assert "hydra_plugins" not in done.stderr
    assert run_app(*command, "hydra.sweeper.n_trials=0", env=BROKEN).returncode == 1


@pytest.mark.parametrize("takes", [True, False], ids=["submitted", "refused"])
def test_submitting_is_0_or_1(run_app: Run, monkeypatch: pytest.MonkeyPatch, *, takes: bool) -> None:
    """As sbatch has taken the workers or not; what becomes of them is not known then."""
    Path("bin").mkdir()
    sbatch = Path("bin", "sbatch")
    sbatch.write_text("#!/bin/sh\necho 'Submitted batch job 7'\n" if takes else "#!/bin/sh\nexit 3\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{Path('bin').absolute()}{os.pathsep}{os.environ['PATH']}")
    done = run_app("--multirun", "hparams=sphere", "hydra/launcher=slurm_workers", "hydra.launcher.detach=true")
    assert done.returncode == (0 if takes else 1), done.stdout + done.stderr


@pytest.mark.slow
def test_the_original_command_ends_with_the_same_codes(run_script: Run) -> None:
    """2 for an objective that always fails, 1 for a file that is not there."""
    write_readme_example(Path(), n_trials=1, objective=OBJECTIVE.replace("torch.manual_seed(0)", "raise LookupError"))
    done = run_script(REPO / "optimize.py", "hyperparameters.yml", "model_config.yml")
    assert done.returncode == 2, done.stdout + done.stderr
    assert legacy(["optimize", "nowhere.yml"]) == 1


@pytest.mark.parametrize("words", [["status"], ["stauts", "study"], ["legacy", "optimize", "--bogus"]])
def test_words_that_are_not_understood_are_1(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Not 2, as of Python's own parsers: that means failures of a run."""
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    assert end.value.code == 1
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["status", "best", "stop", "repair"])
def test_a_command_that_finds_no_study_is_1(command: str) -> None:
    """With one line for people."""
    with pytest.raises(SystemExit) as end:
        cli.main([command, "nowhere"])
    assert isinstance(end.value.code, str), "a text makes the exit code 1"
