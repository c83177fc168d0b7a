# SPDX-License-Identifier: MIT
"""Trials on several processes: what they come to in the study, and that a rank never becomes a driver."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.end_to_end._studies import APPS, Family, trials_of, wait_for

Run = Callable[..., subprocess.CompletedProcess[str]]
APP = APPS / "ranks" / "app.py"


@pytest.mark.parametrize("variable", ["LOCAL_RANK", "RANK", "SLURM_PROCID"])
def test_a_rank_above_zero_opens_no_study(run_script: Run, variable: str) -> None:
    """Started with the driver's own command it says so in one line; nothing is written."""
    ended = run_script(APP, "--multirun", env={variable: "1"})
    assert ended.returncode == 1
    assert "opens no study" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not Path("study").exists()


@pytest.mark.parametrize("where", ["hydra/launcher=basic", "hydra.launcher.isolation=none"])
def test_trials_inside_their_worker_have_no_ranks(run_script: Run, where: str) -> None:
    """The rank is not even started; the study stops with the reason, and the trial's ticket is not spent."""
    ended = run_script(APP, "--multirun", "how=program", where)
    written = ended.stdout + ended.stderr
    assert ended.returncode == 2, written
    assert "needs a process of its own" in written
    assert "Traceback" not in ended.stderr
    assert "1 of 2" not in written
    assert "2 of 2 trials are left" in written


def _noted(trial: FrozenTrial) -> list[list[dict[str, Any]]]:
    """What each rank of a trial has noted."""
    paths = [Path(f"study/trials/{trial.number}/rank{rank}.jsonl") for rank in range(2)]
    return [[json.loads(line) for line in path.read_text().splitlines()] for path in paths]


def assert_trained_together(trials: Sequence[FrozenTrial], epochs: int) -> None:
    """The first trial was pruned after its first epoch, the second complete; both ranks were of the same trial."""
    pruned, complete = trials
    assert (pruned.state, complete.state) == (TrialState.PRUNED, TrialState.COMPLETE)
    assert sorted(pruned.intermediate_values) == [1]
    assert sorted(complete.intermediate_values) == list(range(1, epochs + 1))
    assert complete.value == pytest.approx((1 - 2 * complete.params["x"]) ** (8 * epochs // 2), rel=1e-3)
    for trial in trials:
        ranks = _noted(trial)
        assert len({line["pid"] for lines in ranks for line in lines}) == 2
        same = ("number", "seed", "directory", "world", "x", "epoch")
        assert [[line[name] for name in same] for line in ranks[0]] == [
            [line[name] for name in same] for line in ranks[1]
        ]
        assert ranks[0][0]["x"] == trial.params["x"]
    assert {line["seed"] for line in _noted(pruned)[0]} != {line["seed"] for line in _noted(complete)[0]}


PRUNING = ("hydra/sweeper/pruner=threshold", "hydra.sweeper.pruner.upper=0.05")


@pytest.mark.timeout(120)
def test_a_trial_on_two_ranks_of_ddp(run_script: Run, family: Family) -> None:
    """Lightning starts the second rank; one curve, pruned together, no process is left and the values differ."""
    ended = run_script(APP, "--multirun", "how=ddp", *PRUNING, timeout=100)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_trained_together(trials_of(Path("study")), epochs=3)
    assert Path("study/trials/1/app.rank1.log").exists()
    assert not Path("study/trials/0/last.ckpt").exists(), "a pruned trial keeps no checkpoint"
    wait_for("the end of all processes", family.is_gone)
