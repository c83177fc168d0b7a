# SPDX-License-Identifier: MIT
"""A Hydra app whose objective does, as `what` says, something that a process of its own might spoil."""

import json
import logging
import multiprocessing
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from multiprocessing.pool import AsyncResult, Pool
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import optuna
from hydra.core.hydra_config import HydraConfig

import hyperopt_app

log = logging.getLogger(__name__)


def _ask(trial: hyperopt_app.Trial) -> float:
    """All that an objective may ask of its trial; what it answers goes into the study."""
    trial.set_user_attr("nested", {"list": [1, 2.5, None], "text": "ä"})
    own = trial.suggest_int("own", 3, 3) + trial.suggest_categorical("kind", [2])
    for step in range(3):
        trial.report(1.0 / (step + 1), step)
    trial.report(99.0, 1)  # recorded already
    trial.set_user_attr(
        "seen",
        {
            "own": trial.params["own"],
            "nested": trial.user_attrs["nested"],
            "prune": trial.should_prune(),
            "distributions": sorted(trial.distributions),
        },
    )
    try:
        trial.suggest_float("bad", 2.0, 1.0)
    except ValueError as error:
        trial.set_user_attr("error", str(error))
    return float(own)


def _pruned(trial: hyperopt_app.Trial) -> float:
    trial.report(7.0, 1)
    raise optuna.TrialPruned


def _square(number: int) -> int:
    return number**2


def _keep_busy(pool: Pool) -> list[AsyncResult[Any]]:
    """Endless work of both workers, which has begun: `Pool.terminate` may wait for ever for the lock of an idle one."""
    begun = [Path(tempfile.mkdtemp(), "begun") for _ in range(2)]
    code = "import pathlib, time; pathlib.Path({!r}).touch(); time.sleep(600)"
    endless = [pool.apply_async(exec, (code.format(str(path)),)) for path in begun]
    while not all(path.exists() for path in begun):
        time.sleep(0.01)
    return endless


def _pool(trial: hyperopt_app.Trial) -> float:
    """A pool of the script's own functions, ended in the middle of its work."""
    pool = multiprocessing.get_context("fork").Pool(2)
    found = sum(pool.map(_square, range(4)))
    endless = _keep_busy(pool)
    pool.terminate()
    pool.join()
    assert not any(one.ready() for one in endless)
    return float(found)


def _forkserver(trial: hyperopt_app.Trial) -> float:
    """A pool of another kind, Python 3.14's default; what the script defines is not known there."""
    pool = multiprocessing.get_context("forkserver").Pool(2)
    found = sum(pool.map(abs, range(-4, 0)))
    _keep_busy(pool)
    pool.terminate()
    pool.join()
    return float(found)


def _program(trial: hyperopt_app.Trial) -> float:
    """A program that this trial starts ends on SIGTERM, whoever sends it, however it was started."""
    for options in ({}, {"preexec_fn": os.setpgrp}, {"start_new_session": True}):
        with subprocess.Popen(["/bin/sleep", "600"], **options) as program:
            subprocess.run(["/bin/kill", "-TERM", str(program.pid)], check=True)
            assert program.wait(20) == -15
    return 1.0


def _loader(trial: hyperopt_app.Trial) -> float:
    """Signals from outside reach neither the data loader's processes nor this one."""
    import torch

    data = torch.utils.data.TensorDataset(torch.ones(40))
    loader: Any = torch.utils.data.DataLoader(data, batch_size=4, num_workers=2, timeout=20)
    seen = 0.0
    for position, (batch,) in enumerate(loader):
        if position == 0:
            everyone = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
            assert len(everyone) == 3
            for name in ("-TERM", "-USR1", "-USR2"):
                subprocess.run(["/bin/kill", name, *map(str, everyone)], check=True)
        seen += float(batch.sum())
    return seen


def _where(trial: hyperopt_app.Trial) -> float:
    """Where this trial is, in words."""
    Path(f"relative_{os.environ['KIND']}.txt").write_text("written here")
    log.info("a logged line")
    print("a printed line", flush=True)  # noqa: T201 - it shall be in the worker's log
    facts = {
        "cwd": str(Path.cwd()),
        "directory": str(trial.directory),
        "output_dir": HydraConfig.get().runtime.output_dir,
        "job": [HydraConfig.get().job.name, HydraConfig.get().job.num, list(HydraConfig.get().overrides.task)],
        "level": logging.getLogger().level,
        "seed": trial.seed,
        "variable": os.environ.get("FROM_CONFIG"),
        "threads": os.environ.get("OMP_NUM_THREADS"),
    }
    trial.set_user_attr("facts", json.dumps(facts, sort_keys=True))
    return 1.0


WHAT: dict[str, Callable[[hyperopt_app.Trial], float]] = {
    "ask": _ask,
    "pruned": _pruned,
    "pool": _pool,
    "forkserver": _forkserver,
    "program": _program,
    "loader": _loader,
    "where": _where,
}


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> float:
    """Do it."""
    trial = hyperopt_app.current_trial()
    assert trial is not None
    trial.set_user_attr("drawn", float(np.random.rand()))  # noqa: NPY002 - the numbers that all libraries share
    return WHAT[conf.what](trial)


if __name__ == "__main__":
    main()
