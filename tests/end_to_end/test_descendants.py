# SPDX-License-Identifier: MIT
"""What an objective forks or spawns neither answers for its trial nor speaks for it, and ends where it comes back."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial

from tests.end_to_end._studies import APPS, trials_of

LAUNCHERS = {
    "process": ["hydra.launcher.isolation=process", "hydra.sweeper.trial_timeout=60"],
    "none": ["hydra.launcher.isolation=none"],
    "basic": ["hydra/launcher=basic"],
}
SENTENCE = "may speak for the trial"

Run = Callable[..., subprocess.CompletedProcess[str]]


def _swept(run_script: Run, where: str, *names: str) -> tuple[dict[str, FrozenTrial], str]:
    """The trials by what they do, and all that the command and its worker have written."""
    what = f"what={','.join(names)}"
    ended = run_script(APPS / "descendants" / "app.py", "--multirun", what, *LAUNCHERS[where], timeout=100)
    logs = "".join(path.read_text() for path in Path("study").glob("workers/*.log"))
    written = ended.stdout + ended.stderr + logs
    trials = {trial.params["what"]: trial for trial in trials_of(Path("study"))}
    assert {name: trial.user_attrs.get("failure", trial.value) for name, trial in trials.items()} == (
        dict.fromkeys(names, 1.0)
    ), written
    assert ended.returncode == 0, written
    assert Path("study/ends").read_text().split() == ["COMPLETED"] * len(names), "a helper ended a job"
    return trials, written


def _met(trial: FrozenTrial) -> set[str]:
    """What the trial's descendants met, without the numbers of processes."""
    return {"the sentence" if SENTENCE in line else line for line in trial.user_attrs["met"]}


@pytest.mark.parametrize("where", LAUNCHERS)
@pytest.mark.timeout(120)
def test_forked_helpers_change_nothing(run_script: Run, where: str) -> None:
    """Whatever they return, raise and say: the value is the first process's, and each call gets the one sentence."""
    names = ("returns", "raises", "talks", "ranks", "grandchild", "before_a_program", "threads")
    trials, written = _swept(run_script, where, *names)
    talks, ranks, threads = trials["talks"], trials["ranks"], trials["threads"]
    assert set(talks.intermediate_values) == set(range(300))
    assert "helper" not in talks.user_attrs
    assert (_met(talks), len(talks.user_attrs["met"])) == ({"the sentence"}, 300)
    assert (ranks.intermediate_values, _met(ranks), len(ranks.user_attrs["met"])) == ({100: 1.0}, {"the sentence"}, 200)
    assert (_met(trials["grandchild"]), len(trials["grandchild"].user_attrs["met"])) == ({"the sentence"}, 4)
    assert _met(trials["before_a_program"]) == {"the sentence"}
    assert len(threads.intermediate_values) == 200
    assert {threads.user_attrs[f"thread {number}"] for number in range(4)} == {49}
    number = trials["returns"].number
    assert written.count(f"before the fork of trial {number}\n") == 1
    assert written.count(f"in the helper of trial {number}\n") == 1
    log = Path(f"study/trials/{trials['raises'].number}/app.log")
    assert not log.exists() or "failed" not in log.read_text()
    assert written.count("ValueError: of a helper") == 1


@pytest.mark.parametrize("where", ["process", "none"])
@pytest.mark.timeout(120)
def test_spawned_helpers_are_told_so(run_script: Run, where: str) -> None:
    """By each way of multiprocessing's, with the trial in its arguments; they may read the facts of the trial."""
    trials, written = _swept(run_script, where, "fork", "spawn", "forkserver", "a_program")
    for method in ("fork", "spawn", "forkserver"):
        assert (_met(trials[method]), len(trials[method].user_attrs["met"])) == ({"the sentence"}, 7), written
        assert trials[method].intermediate_values == {}
    assert trials["a_program"].user_attrs["told"].count("\n") == 1
    assert "is not part of it" in trials["a_program"].user_attrs["told"]
