# SPDX-License-Identifier: MIT
"""A Hydra app that trains in epochs, writes a checkpoint after each, and notes every epoch that it trains.

`epochs.txt` in the trial's directory has one line for each trained epoch, with the CUDA devices that the trial saw.
"""

import os
import time
from typing import Any

import hydra

import hyperopt_app


@hydra.main(config_path=".", config_name="config")
def main(conf: Any) -> float:
    """Go on from the last checkpoint, if there is one."""
    trial = hyperopt_app.current_trial()
    if trial is None:
        return 0.0
    begin = int(trial.resumed_from.read_text()) if trial.resumed_from else 0
    for epoch in range(begin, conf.epochs):
        time.sleep(conf.epoch_s)
        with (trial.directory / "epochs.txt").open("a") as notes:
            notes.write(f"{epoch} {os.environ.get('CUDA_VISIBLE_DEVICES', '')} {os.environ.get('SLURMD_NODENAME')}\n")
        hyperopt_app.report(conf.x**2 + 1 / (epoch + 1), epoch)
        aside = trial.checkpoint.with_suffix(".new")
        aside.write_text(str(epoch + 1))
        aside.replace(trial.checkpoint)
        hyperopt_app.checkpointed()
    return float(conf.x**2)


if __name__ == "__main__":
    main()
