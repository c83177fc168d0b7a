# SPDX-License-Identifier: MIT
"""A Hydra app whose objective treats SIGTERM in a way of its own, as `kind` says.

Its first process trains two of four epochs, saves each, makes the file `ready` in the trial's directory and waits there
for a signal. A process that goes on from a checkpoint trains the rest. `runs.txt` has for each process its first epoch.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import hydra

import hyperopt_app

EPOCHS = 4
_struck: list[int] = []


class PreemptedError(Exception):
    """What an objective of the kind `raise` makes of a signal."""


def _raise(number: int, _frame: object) -> None:
    raise PreemptedError(f"signal {number}")


HANDLERS: dict[str, Any] = {
    "flag": lambda number, _frame: _struck.append(number),
    "exit": lambda number, _frame: sys.exit(128 + number),
    "exit at once": lambda number, _frame: os._exit(3),
    "raise": _raise,
    "ignore": signal.SIG_IGN,
    "default": signal.SIG_DFL,
}


def _note(trial: hyperopt_app.Trial, begin: int) -> None:
    with (trial.directory / "runs.txt").open("a") as notes:
        notes.write(f"{begin}\n")


def _wait(trial: hyperopt_app.Trial, is_struck: Callable[[], bool]) -> None:
    (trial.directory / "ready").touch()
    while not is_struck():
        time.sleep(0.01)


def _train(trial: hyperopt_app.Trial, conf: Any) -> float:
    """In a plain loop. With `flag` it ends early, as if the training were over; `finish` leaves signals to the worker.

    After its signal a first process says no more of checkpoints, so nothing but the signal can end it.
    """
    if conf.kind in HANDLERS:
        signal.signal(signal.SIGTERM, HANDLERS[conf.kind])
    begin = int(trial.resumed_from.read_text()) if trial.resumed_from else 0
    _note(trial, begin)
    for epoch in range(begin, EPOCHS):
        if _struck:
            break
        hyperopt_app.report(EPOCHS - epoch, epoch)
        aside = trial.checkpoint.with_suffix(".new")
        aside.write_text(str(epoch + 1))
        aside.replace(trial.checkpoint)
        if epoch < 2 or trial.resumed:
            hyperopt_app.checkpointed()
        if epoch == 1 and not trial.resumed:
            _wait(trial, lambda: bool(_struck) or (trial.directory / "go").exists())
    return float(EPOCHS - epoch)


def _lightning(trial: hyperopt_app.Trial) -> float:
    """With Lightning's Trainer and our callback; Lightning has a handler of its own."""
    import lightning.pytorch as pl
    import torch

    from hyperopt_app.callbacks.lightning import HyperoptCallback, resume_path

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def training_step(self, batch: "Any", _position: int) -> "Any":
            if self.current_epoch == 2 and not trial.resumed:
                _wait(trial, lambda: bool(self.trainer.received_sigterm))
            return self.layer(batch[0]).pow(2).mean()

        def validation_step(self, _batch: "Any", _position: int) -> None:
            self.log("loss", float(EPOCHS - self.current_epoch))

        def on_train_start(self) -> None:
            _note(trial, self.current_epoch)

        def configure_optimizers(self) -> "Any":
            return torch.optim.SGD(self.parameters(), lr=0.01)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(2, 1)))
    callbacks: Any = [HyperoptCallback("loss")]
    trainer = pl.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=callbacks,
    )
    trainer.fit(Module(), data, data, ckpt_path=resume_path())
    return float(trainer.callback_metrics["loss"])


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> float:
    """Train; in whatever way, the value of a whole training is 1."""
    trial = hyperopt_app.current_trial()
    assert trial is not None
    return _lightning(trial) if conf.kind == "lightning" else _train(trial, conf)


if __name__ == "__main__":
    main()
