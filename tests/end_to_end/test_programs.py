# SPDX-License-Identifier: MIT
"""Trials that are runs of a program, a bash script and a C program: pruned, preempted, hanging; none is left over."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.contracts.servers import skip_or_fail
from tests.end_to_end._programs import FILES, place_script
from tests.end_to_end._studies import Family, in_state, trials_of, wait_for

STUDY = Path("study")
ALONE = ("--config-dir", "conf", "hparams=programs")
WORDS = ("--multirun", *ALONE)

Start = Callable[..., subprocess.Popen[str]]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script, the compiled program and their config in the working directory; `hyperopt-app` on the PATH."""
    compiler = shutil.which("cc")
    if compiler is None:
        skip_or_fail("no C compiler (cc) is installed")
    place_script(monkeypatch)
    subprocess.run([str(compiler), "-o", "train", str(FILES / "train.c")], check=True)


def _by_program(trials: list[FrozenTrial]) -> dict[tuple[str, int], FrozenTrial]:
    return {(trial.params["program"], trial.params["x"]): trial for trial in trials}


@pytest.mark.slow
def test_programs_of_two_languages_are_searched(run_app: Run, family: Family) -> None:
    """Their curves are whole, the pruner ends those that would never end, and the last value is the outcome."""
    done = run_app(*WORDS)
    assert done.returncode == 0, done.stdout + done.stderr
    trials = _by_program(trials_of(STUDY))
    assert len(trials) == 4
    for program in ("./train.sh", "./train"):
        whole, pruned = trials[program, 1], trials[program, 3]
        assert (whole.state, whole.value) == (TrialState.COMPLETE, 4.0)
        assert whole.intermediate_values == {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}
        assert (pruned.state, pruned.intermediate_values) == (TrialState.PRUNED, {1: 3.0, 2: 6.0})
        assert not (STUDY / "trials" / str(pruned.number) / "last.ckpt").exists()
    wait_for("the end of every process", family.is_gone)


@pytest.mark.slow
@pytest.mark.parametrize(
    "everyone",
    [pytest.param(False, marks=[pytest.mark.slow, pytest.mark.nightly]), True],
    ids=["the worker alone", "the whole job"],
)
def test_a_preempted_program_saves_and_goes_on(start_app: Start, family: Family, everyone: bool) -> None:
    """SIGTERM to the worker, or to all its processes as a scheduler sends it: what was saved is gone on from."""
    options = ("mode=wait", "x=1", "program=./train.sh,./train", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1")
    driver = start_app(*WORDS, "~hydra.sweeper.params.x", *options)
    for number in (0, 1):
        trial = wait_for(f"two steps of trial {number}", partial(_with_two_steps, number))
        worker = trial.user_attrs["claim"]["pid"]
        pids = [pid for pid in family.alive() if pid != driver.pid] if everyone else [worker]
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
    output, errors = driver.communicate(timeout=45)
    assert driver.returncode == 0, output + errors
    for trial in trials_of(STUDY):
        assert (trial.state, trial.value) == (TrialState.COMPLETE, 4.0)
        assert sorted(trial.intermediate_values.items()) == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]
        attempts = (STUDY / "trials" / str(trial.number) / "attempts.txt").read_text().splitlines()
        assert attempts == ["begins after 0", "begins after 2"]
        assert "losses" not in trial.user_attrs
    wait_for("the end of every process", family.is_gone)


def _with_two_steps(number: int) -> FrozenTrial | None:
    running = [trial for trial in in_state(STUDY, TrialState.RUNNING) if trial.number == number]
    return running[0] if running and len(running[0].intermediate_values) == 2 else None


@pytest.mark.slow
def test_a_program_that_hangs_ends_with_its_trial(run_app: Run, family: Family) -> None:
    """Past the time limit it is killed, with what it has started in a session of its own."""
    options = ("hydra.sweeper.trial_timeout=1.5", "objective.grace_s=0.2", "~hydra.sweeper.params.x", "mode=hang")
    done = run_app(*WORDS, *options, "hydra.sweeper.n_trials=2", "hydra.sweeper.max_consecutive_failures=null")
    assert done.returncode in (0, 2), done.stdout + done.stderr
    for trial in trials_of(STUDY):
        assert trial.state == TrialState.FAIL
        assert trial.user_attrs["failure"]["kind"] == "timeout"
        assert trial.intermediate_values == {1: 1.0}
    wait_for("the end of every process", family.is_gone)


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.parametrize("whom", ["trial", "worker", "both"])
def test_a_killed_process_leaves_no_program(start_app: Start, family: Family, whom: str) -> None:
    """Killed (-9): the trial's process, its worker, or both. The program does not go on beside the next attempt."""
    options = ("mode=wait", "~hydra.sweeper.params.x", "hydra.sweeper.n_trials=1", "hydra.sweeper.n_jobs=1")
    driver = start_app(*WORDS, *options, "objective.grace_s=0.2", "program=./train")
    trial = wait_for("two steps of the trial", partial(_with_two_steps, 0))
    worker = trial.user_attrs["claim"]["pid"]
    program = next(pid for pid in family.alive() if Path(f"/proc/{pid}/exe").resolve().name == "train")
    owner = int(Path(f"/proc/{program}/stat").read_text().rpartition(")")[2].split()[1])
    for pid in {"trial": [owner], "worker": [worker], "both": [worker, owner]}[whom]:
        os.kill(pid, signal.SIGKILL)
    output, errors = driver.communicate(timeout=45)
    (trial,) = trials_of(STUDY)
    if whom == "trial":  # for want of memory, or from outside, as far as the kernel tells
        assert trial.state in (TrialState.FAIL, TrialState.COMPLETE), output + errors
    else:
        assert (trial.state, trial.value) == (TrialState.COMPLETE, 4.0), output + errors
        assert len(trial.intermediate_values) == 4
    wait_for("the end of every process", family.is_gone)


@pytest.mark.slow
@pytest.mark.nightly
def test_a_failing_program_tells_why(run_app: Run) -> None:
    """The reason in the table has the end of its standard error; `hyperopt-app logs` finds all of it."""
    Path("fails.sh").write_text("#!/bin/bash\necho progress\necho 'Error: no data' >&2\nexit 7\n")
    Path("fails.sh").chmod(0o755)
    words = ("program=./fails.sh", "~hydra.sweeper.params.x", "hydra.sweeper.n_trials=1")
    done = run_app(*WORDS, *words)
    assert done.returncode == 2, done.stdout + done.stderr
    (trial,) = trials_of(STUDY)
    assert trial.user_attrs["failure"]["kind"] == "bug"
    assert "the program ended with exit code 7; the end of its stderr: Error: no data" in str(
        trial.user_attrs["failure"]["error"]
    )
    assert (STUDY / "trials/0/stdout.log").read_text() == "progress\n"


def test_faults_of_the_block_come_before_anything_starts(run_app: Run) -> None:
    """All at once, with those of the sweeper."""
    done = run_app(*WORDS, "objective.command=./train.sh", "+objective.metric=a", "hydra.sweeper.n_trials=-1")
    assert done.returncode == 1
    for text in ("objective: command is './train.sh', not a list", "metric is not a field of a command", "n_trials"):
        assert text in done.stderr
    assert not STUDY.exists()


def test_a_program_runs_alone(run_app: Run) -> None:
    """Without a search: its output on the terminal, its value as the result; it fails with one line."""
    done = run_app(*ALONE, "program=./train", "hydra.run.dir=alone")
    assert done.returncode == 0, done.stderr
    assert "Result: loss=4" in done.stdout + done.stderr
    assert Path("alone/metrics.jsonl").read_text().count("\n") == 4
    failed = run_app(*ALONE, "program=./no_such")
    assert failed.returncode == 1
    assert "./no_such is not an executable file on this host" in failed.stderr
    assert "Traceback" not in failed.stderr
