# SPDX-License-Identifier: MIT
"""A Hydra app that has its own worker told to end in the middle of an epoch, once, and continues from its checkpoint.

`times.txt` in the trial's directory has, for each attempt, when it began and when it was last heard of.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

import hydra

import hyperopt_app


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> float:
    """Report and save each epoch in the order that the config says; `conf.told_at` is the epoch of the signal."""
    trial = hyperopt_app.current_trial()
    if trial is None:
        return 0.0
    times = trial.directory / "times.txt"
    _note(times, "begins")
    begin = int(trial.checkpoint.read_text()) if trial.checkpoint.exists() else 0
    for epoch in range(begin, conf.epochs):
        if epoch == conf.told_at and not trial.resumed:
            time.sleep(0.2)
            _note(times, "told")
            os.kill(trial.user_attrs["claim"]["pid"], signal.SIGTERM)
        for step in conf.order:
            if step == "report":
                hyperopt_app.report(1.0 / (epoch + 1), epoch)
            else:
                trial.checkpoint.write_text(str(epoch + 1))
                hyperopt_app.checkpointed()
    _note(times, "ends")
    return float(conf.x)


def _note(times: Path, word: str) -> None:
    with times.open("a") as notes:
        notes.write(f"{word} {time.time()!r}\n")


if __name__ == "__main__":
    main()
