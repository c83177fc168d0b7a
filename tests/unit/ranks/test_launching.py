# SPDX-License-Identifier: MIT
"""`launch_ranks` outside a trial: what ranks are given, what comes back, and that nothing is left behind."""

import json
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperopt_app import launch_ranks
from hyperopt_app.errors import RanksError
from hyperopt_app.objective.first_process import marked

Run = Callable[..., subprocess.CompletedProcess[str]]

PROGRAM = """
import json, os, random, signal, sys, time
import optuna
import hyperopt_app

NAMES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "OMP_NUM_THREADS")

def rank(what):
    place = {name: os.environ[name] for name in NAMES}
    with open(f"rank{place['RANK']}", "w") as file:
        json.dump({**place, "pid": os.getpid(), "drawn": random.random()}, file)
    if what == "prune":
        raise optuna.TrialPruned
    if place["RANK"] == "1":
        if what == "fail":
            raise ValueError("of rank one")
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
    elif what != "return":
        time.sleep(600)
    return place["RANK"]

if __name__ == "__main__":
    print("returned", hyperopt_app.launch_ranks(rank, 2, sys.argv[1]))
"""


def test_ranks_find_each_other_and_rank_zero_answers(run_script: Run) -> None:
    """A function of the script is sent; each rank has its environment, all have one port and the training's seed."""
    Path("program.py").write_text(PROGRAM)
    ended = run_script("program.py", "return", env={"OMP_NUM_THREADS": "3", "HYPEROPT_SEED": "5"})
    assert ended.stdout == "returned 0\n", ended.stderr
    zero, one = (json.loads(Path(f"rank{rank}").read_text()) for rank in range(2))
    assert {key: (zero[key], one[key]) for key in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "OMP_NUM_THREADS")} == {
        "RANK": ("0", "1"),
        "LOCAL_RANK": ("0", "1"),
        "WORLD_SIZE": ("2", "2"),
        "OMP_NUM_THREADS": ("3", "3"),
    }
    assert zero["drawn"] == one["drawn"] == random.Random(5).random()
    assert (zero["MASTER_ADDR"], zero["MASTER_PORT"]) == (one["MASTER_ADDR"], one["MASTER_PORT"])


@pytest.mark.parametrize(
    ("what", "last"),
    [
        pytest.param("fail", "ValueError: of rank one", marks=pytest.mark.nightly),
        ("die", "RuntimeError: the process of rank 1 died with exit code -9"),
        ("prune", "optuna.exceptions.TrialPruned"),
    ],
)
def test_one_end_ends_all(run_script: Run, what: str, last: str) -> None:
    """The caller learns why, and no rank outlives the call."""
    Path("program.py").write_text(PROGRAM)
    ended = run_script("program.py", what)
    assert ended.returncode == 1
    assert ended.stderr.rstrip().endswith(last)
    for rank in range(2):
        pid = json.loads(Path(f"rank{rank}").read_text())["pid"]
        assert not Path(f"/proc/{pid}").exists()


def test_a_trial_in_its_worker_launches_none() -> None:
    """One line instead of ranks that cannot speak to the study."""
    with marked(), pytest.raises(RanksError, match="needs a process of its own"):
        launch_ranks(os.getpid, 2)


@pytest.mark.parametrize("ranks", [0, -1])
def test_the_number_of_ranks_is_positive(ranks: int) -> None:
    """Anything else is a mistake."""
    with pytest.raises(ValueError, match="must be positive"):
        launch_ranks(os.getpid, ranks)
