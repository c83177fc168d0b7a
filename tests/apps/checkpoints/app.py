# SPDX-License-Identifier: MIT
"""A Hydra app that trains as docs/objectives.md shows: from the checkpoint, if there is one, whoever left it there.

Its value is right only if exactly `epochs` epochs were trained with the trial's own `x`: 10 * (1 - x) ** epochs.
`epochs.txt` in the working directory has a line for each trained epoch: the trial's number, the epoch, its directory.
"""

import json
import signal
from pathlib import Path
from typing import Any

import hydra

import hyperopt_app

NOTES = Path("epochs.txt").absolute()


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> float:
    """Train; a trial in its first attempt ends its worker after the epoch that `interrupted` names."""
    trial = hyperopt_app.current_trial()
    loss, begin = 10.0, 0
    if trial and trial.checkpoint.exists():
        state = json.loads(trial.checkpoint.read_text())
        begin, loss = state["epoch"] + 1, state["loss"]
    for epoch in range(begin, conf.epochs):
        loss *= 1 - conf.x
        if trial:
            aside = trial.checkpoint.with_suffix(".new")
            aside.write_text(json.dumps({"epoch": epoch, "loss": loss}))
            aside.replace(trial.checkpoint)
            with NOTES.open("a") as notes:
                notes.write(f"{trial.number} {epoch} {conf.out}\n")
            if [trial.number, epoch] == conf.interrupted and not trial.resumed:
                signal.raise_signal(signal.SIGTERM)
        hyperopt_app.report(loss, epoch)
    return loss


if __name__ == "__main__":
    main()
