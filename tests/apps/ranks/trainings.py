# SPDX-License-Identifier: MIT
"""Trainings on two ranks with Lightning, torch and our own launcher; each rank notes what it meets in a file."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch

import hyperopt_app
from hyperopt_app.errors import MetricError

RANKS = 2


def note(rank: int, **facts: Any) -> None:
    """Add a line to the file of a rank in the trial's directory."""
    trial = hyperopt_app.current_trial()
    assert trial is not None
    line = {"pid": os.getpid(), "number": trial.number, "seed": trial.seed, "directory": str(trial.directory)}
    line |= {"port": os.environ["MASTER_PORT"], **facts}
    with Path(trial.directory, f"rank{rank}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def happen(what: str, rank: int, epoch: int) -> None:
    """Do what a test wants in the second epoch of rank one, or on all ranks in the third."""
    trial = hyperopt_app.current_trial()
    if what == "slow":
        time.sleep(0.2)
    if what == "gate" and trial is not None and epoch >= 2:
        _pass_the_gate(Path(trial.directory).parents[1])
    if what == "crash_in_the_first":
        what = "crash" if trial is not None and trial.number == 0 else ""
    if (rank, epoch) != (1, 1):
        return
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "oom":
        raise MemoryError("of rank one")
    if what == "bug":
        raise ValueError("of rank one")
    if what == "fault":
        raise MetricError("of rank one, for the user")


def _pass_the_gate(study: Path) -> None:
    """Wait until a test opens the gate, and go on slowly until it opens the road as well."""
    while not (study / "gate").exists():
        time.sleep(0.05)
    if not (study / "road").exists():
        time.sleep(0.5)


def train(conf: Any) -> Any:
    """Train on two ranks."""
    if conf.how in ("ddp", "ddp_spawn", "ddp_fork", "ddp_nodes"):
        return lightning(conf)
    import torch_trainings  # type: ignore[import-not-found]

    if conf.how == "launch_ranks":
        return hyperopt_app.launch_ranks(torch_trainings.train, RANKS, conf)
    if conf.how == "spawn":
        return torch_trainings.spawned(conf)
    if conf.how == "torchrun":
        return torchrun(conf)
    if conf.how == "launcher":
        return torch_trainings.train(conf)
    sys.exit(f"how={conf.how}?")


def torchrun(conf: Any) -> Any:
    """Train by a command, which starts the ranks as programs."""
    facts = {name: conf[name] for name in ("x", "epochs", "what")}
    program = str(Path(__file__).with_name("torchrun_training.py"))
    words = ["torchrun", f"--nproc-per-node={RANKS}", program, json.dumps(facts)]
    return hyperopt_app.Command(words, grace_s=5.0).train(hyperopt_app.current_trial(), conf)


def lightning(conf: Any) -> Any:
    """Train with Lightning's strategy of that name."""
    import lightning_trainings  # type: ignore[import-not-found]

    return lightning_trainings.train(conf)


def data(rows: int) -> Any:
    """So many rows of one number."""
    return torch.utils.data.DataLoader(torch.zeros(rows, 1))  # type: ignore[arg-type]  # as good as a dataset
