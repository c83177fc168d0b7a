# SPDX-License-Identifier: MIT
"""A Hydra app that trains in epochs, writes a checkpoint after each, and notes every epoch that it trains.

`epochs.txt` in the trial's directory has one line for each trained epoch, with the CUDA devices that the trial saw;
`runs.txt` tells for each process of the trial from where it went on, what it trained and saved, and whether it ended.
"""

import os
import random
import time
from pathlib import Path
from typing import Any

import hydra

import hyperopt_app

PATIENCE_S = 60.0


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> float:
    """Go on from the last checkpoint, if there is one."""
    trial = hyperopt_app.current_trial()
    if trial is None:
        return 0.0
    _meet(trial.directory.parents[1] / "hall", conf.meet)
    epoch_s = conf.epoch_s * random.Random(trial.number).lognormvariate(0.0, conf.spread)
    begin = int(trial.resumed_from.read_text()) if trial.resumed_from else 0
    _note(trial.directory, "begins", begin)
    for epoch in range(begin, conf.epochs):
        time.sleep(epoch_s)
        with (trial.directory / "epochs.txt").open("a") as notes:
            notes.write(f"{epoch} {os.environ.get('CUDA_VISIBLE_DEVICES', '')} {os.environ.get('SLURMD_NODENAME')}\n")
        _note(trial.directory, "trained", epoch)
        hyperopt_app.report(conf.x**2 + 1 / (epoch + 1), epoch)
        aside = trial.checkpoint.with_suffix(".new")
        aside.write_text(str(epoch + 1))
        aside.replace(trial.checkpoint)
        _note(trial.directory, "saved", epoch)
        hyperopt_app.checkpointed()
    _note(trial.directory, "ends", conf.epochs)
    return float(conf.x**2)


def _meet(hall: Path, jobs: int) -> None:
    """Wait until the trials of so many jobs have been here, so that it is certain that all of them work."""
    if not jobs:
        return
    hall.mkdir(exist_ok=True)
    mine = hall / os.environ["SLURM_JOB_ID"]
    if not mine.exists():  # its time is that of the first arrival
        mine.touch()
    until = time.monotonic() + PATIENCE_S
    while len(list(hall.iterdir())) < jobs:
        if time.monotonic() > until:
            raise TimeoutError(f"{jobs} jobs never met")
        time.sleep(0.01)


def _note(directory: Path, word: str, epoch: int) -> None:
    with (directory / "runs.txt").open("a") as notes:
        notes.write(f"{os.getpid()} {word} {epoch}\n")


if __name__ == "__main__":
    main()
