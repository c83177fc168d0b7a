# SPDX-License-Identifier: MIT
"""Trials on several processes: what they come to in the study, and that a rank never becomes a driver."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.end_to_end._ranks_matrix import (
    IN_PROCESS,
    STUDY,
    WAYS,
    are_at_the_gate,
    assert_deaths,
    assert_interrupted,
    assert_matrix,
    deaths_of,
    matrix_of,
    open_gate,
    open_road,
    times,
)
from tests.end_to_end._studies import APPS, Family, trials_of, wait_for

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., "subprocess.Popen[str]"]
APP = APPS / "ranks" / "app.py"


NIGHTLY = (pytest.mark.nightly, pytest.mark.slow)


@pytest.mark.parametrize(
    "variable", ["LOCAL_RANK", pytest.param("RANK", marks=NIGHTLY), pytest.param("SLURM_PROCID", marks=NIGHTLY)]
)
def test_a_rank_above_zero_opens_no_study(run_script: Run, variable: str) -> None:
    """Started with the driver's own command it says so in one line; nothing is written."""
    ended = run_script(APP, "--multirun", env={variable: "1"})
    assert ended.returncode == 1
    assert "opens no study" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not Path("study").exists()


@pytest.mark.parametrize(
    "where", ["hydra/launcher=basic", pytest.param("hydra.launcher.isolation=none", marks=NIGHTLY)]
)
def test_trials_inside_their_worker_have_no_ranks(run_script: Run, where: str) -> None:
    """The rank is not even started; the study stops with the reason, and the trial's ticket is not spent."""
    ended = run_script(APP, "--multirun", "how=program", where)
    written = ended.stdout + ended.stderr
    assert ended.returncode == 2, written
    assert "needs a process of its own" in written
    assert "Traceback" not in ended.stderr
    assert "1 of 2" not in written
    assert "2 of 2 trials are left" in written


def assert_nothing_is_left(family: Family) -> None:
    """No process of the command, its workers, trials and ranks."""
    wait_for("the end of all processes", family.is_gone)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("ways", "time"), times(WAYS))
def test_each_way_to_start_ranks(
    start_script: Start, run_script: Run, family: Family, ways: Sequence[str], time: int
) -> None:
    """Preempted, pruned and of a dead rank: all ranks together, and no epoch is trained twice or left out.

    A worker for each way is interrupted, in turns as the user does it, and as a scheduler does, whose SIGTERM reaches
    every process; then one worker does all the rest.
    """
    whom = "driver" if time % 2 else "everybody"
    # torchrun obeys a signal at once, so that the epoch in the making begins anew.
    repeats = {"torchrun": int(whom == "everybody")}
    words = ("--multirun", *matrix_of(ways), "hydra.launcher.grace_s=60")
    first = start_script(APP, *words, f"hydra.sweeper.n_jobs={len(ways)}")
    wait_for("three epochs", lambda: are_at_the_gate(ways) or first.poll() is not None, patience_s=600.0)
    for pid in family.alive() if whom == "everybody" else [first.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    open_gate()
    output, errors = first.communicate(timeout=100)
    assert "Traceback" not in errors, output + errors
    assert_nothing_is_left(family)
    assert_interrupted(ways, repeats)
    open_road()
    ended = run_script(APP, *words, "hydra.sweeper.n_jobs=1", timeout=900)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_matrix(ways, repeats)
    assert len({trial.user_attrs["claim"]["worker"] for trial in trials_of(STUDY)}) == 1, "it has gone on"
    assert_nothing_is_left(family)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_each_death_of_a_rank(run_script: Run, family: Family) -> None:
    """The trial fails with the kind of the rank that died, on all ranks; the worker goes on, and no process is left."""
    ended = run_script(APP, "--multirun", *deaths_of(WAYS), timeout=900)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_deaths(WAYS)
    assert_nothing_is_left(family)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", IN_PROCESS)
def test_each_way_is_refused_inside_a_worker(run_script: Run, how: str) -> None:
    """In one line, whatever starts the ranks; no ticket is spent."""
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29571"}  # which no trial sets here
    ended = run_script(APP, "--multirun", f"how={how}", "hydra/launcher=basic", timeout=100, env=meeting)
    written = ended.stdout + ended.stderr
    assert ended.returncode == 2, written
    assert "needs a process of its own" in written or "may speak for the trial" in written
    assert "2 of 2 trials are left" in written


PAGE = Path(__file__).resolve().parents[2] / "docs" / "ranks.md"


def _block(language: str, containing: str) -> str:
    """The code block of the page that has this text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [text for text in blocks if containing in text]
    return str(block)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_example_with_lightning(run_script: Run, family: Family) -> None:
    """As the page says: the trial with the small learning rate is pruned on both ranks, the other completes."""
    Path("train.py").write_text(_block("python", "class Net"))
    Path("search.yaml").write_text(_block("yaml", "two_ranks"))
    ended = run_script("train.py", "--multirun", timeout=200)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    pruned, complete = sorted(trials_of(Path("studies/two_ranks")), key=lambda trial: trial.params["lr"])
    assert (pruned.state, complete.state) == (TrialState.PRUNED, TrialState.COMPLETE)
    assert (sorted(pruned.intermediate_values), sorted(complete.intermediate_values)) == ([1], [1, 2, 3, 4])
    assert Path(f"studies/two_ranks/trials/{pruned.number}/train.rank1.log").exists()
    assert_nothing_is_left(family)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_example_with_torchrun(run_app: Run, family: Family) -> None:
    """As the page says: both ranks of the trial with the small learning rate end, each trial has one curve."""
    Path("conf").mkdir()
    Path("ranks.py").write_text(_block("python", "import argparse"))
    Path("conf/torchrun.yaml").write_text(_block("yaml", "torchrun,"))
    ended = run_app("--config-dir", "conf", "--config-name", "torchrun", "--multirun", timeout=200)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    pruned, complete = sorted(trials_of(Path("studies/torchrun")), key=lambda trial: trial.params["lr"])
    assert (pruned.state, complete.state) == (TrialState.PRUNED, TrialState.COMPLETE)
    assert (sorted(pruned.intermediate_values), sorted(complete.intermediate_values)) == ([0], list(range(5)))
    assert complete.value == pytest.approx(0.9**10, rel=1e-4)
    errors = Path(f"studies/torchrun/trials/{pruned.number}/stderr.log").read_text()
    assert errors.count("pruned at step 0") == 2, errors
    assert not Path(f"studies/torchrun/trials/{pruned.number}/last.ckpt").exists()
    assert_nothing_is_left(family)


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_example_with_torch(run_script: Run, family: Family) -> None:
    """With the search of the other one, as a function of an app."""
    decorator = '@hydra.main(version_base=None, config_path=".", config_name="search")'
    app = f'{decorator}\ndef main(cfg):\n    return objective(cfg)\n\n\nif __name__ == "__main__":\n    main()\n'
    Path("train.py").write_text(f"import hydra\n{_block('python', 'launch_ranks(train')}\n\n{app}")
    Path("search.yaml").write_text(_block("yaml", "two_ranks").replace("upper: 1.5", "upper: 0.9"))
    ended = run_script("train.py", "--multirun", timeout=200)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    pruned, complete = sorted(trials_of(Path("studies/two_ranks")), key=lambda trial: trial.params["lr"])
    assert (pruned.state, complete.state) == (TrialState.PRUNED, TrialState.COMPLETE)
    assert complete.value == pytest.approx(0.9**10, rel=1e-4)
    assert_nothing_is_left(family)
