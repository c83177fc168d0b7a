# SPDX-License-Identifier: MIT
"""Warnings of Hydra and Optuna that each trial of a real study would give are in its logs once, the user's in each."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.types import HydraContext

from tests.end_to_end._studies import APPS, assert_exact

COMPOSING = "path=/nowhere is not available"
OF_TRIALS = ["WilcoxonPruner is experimental"]
if hasattr(HydraContext, "execution_whitelist"):  # Hydra 1.4
    OF_TRIALS.append("resolved _target_='builtins.dict'")
USERS = "UserWarning: the user's own"

Run = Callable[..., subprocess.CompletedProcess[str]]


def searched(run_script: Run, n_trials: int, *words: str) -> None:
    """Bring the study to that many trials, by two workers."""
    words = (*words, f"hydra.sweeper.n_trials={n_trials}")
    ended = run_script(APPS / "warns" / "app.py", "--multirun", *words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_exact(Path("study"), n_trials)


def stories(text: str) -> dict[int, str]:
    """What each trial has written into the log of a worker, by number."""
    _, *parts = re.split(r"^trial (\d+) begins$", text, flags=re.MULTILINE)
    return {int(number): story for number, story in zip(parts[::2], parts[1::2], strict=True)}


def first_in(text: str) -> str:
    """The trial, or the worker, where a warning came first, as the study's directory says."""
    texts = [path.read_text(encoding="utf-8") for path in Path("study/workers/warnings").iterdir()]
    (one,) = [one for one in texts if text in one]
    return one.partition(",")[0]


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["process", "none"])
def test_a_warning_of_every_trial_is_in_the_log_of_the_first(isolation: str, run_script: Run) -> None:
    """Of six trials of two workers, and of two more that a second command adds; what composing gives, in a worker's."""
    for n_trials in (6, 8):
        searched(run_script, n_trials, f"hydra.launcher.isolation={isolation}")
        logs = [path.read_text() for path in Path("study").rglob("*.log") if path.name != "journal.log"]
        trials = {number: story for log in logs for number, story in stories(log).items()}
        assert sorted(trials) == list(range(n_trials))
        for text in OF_TRIALS:
            assert sum(log.count(text) for log in logs) == 1
            (first,) = [number for number, story in trials.items() if text in story]
            assert first_in(text) == f"first in trial {first}"
        assert sum(log.count(COMPOSING) for log in logs) == 1
        assert first_in(COMPOSING) == "first in a worker"
        assert [story.count(USERS) for story in trials.values()] == [1] * n_trials


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["process", "none"])
def test_captured_ones_are_in_the_trials_own_log(isolation: str, run_script: Run) -> None:
    """With `logging.captureWarnings(True)` in the task."""
    searched(run_script, 4, f"hydra.launcher.isolation={isolation}", "capture=true")
    logs = {number: Path(f"study/trials/{number}/app.log").read_text() for number in range(4)}
    for text in OF_TRIALS:
        (first,) = [number for number, log in logs.items() if text in log]
        assert logs[first].count(text) == 1
        assert first_in(text) == f"first in trial {first}"
    assert [log.count(USERS) for log in logs.values()] == [1] * 4
