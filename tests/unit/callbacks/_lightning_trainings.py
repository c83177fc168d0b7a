# SPDX-License-Identifier: MIT
"""Small trainings with either Lightning package, and trials made by hand, for the tests of the callback."""
# ruff: noqa: E402 - torch is an extra: what needs it is imported once it is known to be there.

from pathlib import Path
from typing import Any

import optuna
import pytest

torch = pytest.importorskip("torch")
# Imported here and not in a test: at their first import they leave an environment variable behind.
LIGHTNINGS = {name: pytest.importorskip(name) for name in ("pytorch_lightning", "lightning.pytorch")}

from hyperopt_app.callbacks.lightning import resume_path
from hyperopt_app.objective.trial import Trial

PACKAGES = tuple(LIGHTNINGS)
BATCHES = 4


class Never(optuna.pruners.BasePruner):
    """Prunes no trial."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return False


class Always(optuna.pruners.BasePruner):
    """Prunes every trial at its first report."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return True


class InterruptionError(Exception):
    """Stands for whatever ends a worker in the middle of a trial."""


def a_trial(directory: Path, pruner: optuna.pruners.BasePruner | None = None, **options: Any) -> Trial:
    directions = options.pop("directions", ["minimize"])
    study = optuna.create_study(directions=directions, pruner=pruner or Never())
    return again(study, study.ask(), directory, **options)


def again(study: optuna.Study, trial: optuna.Trial, directory: Path, **options: Any) -> Trial:
    """The same trial as another worker sees it that goes on with it."""
    reported = study.get_trials()[trial.number].intermediate_values.keys()
    metric_names = options.pop("metric_names", ("val_loss",))
    return Trial(trial, directory=directory, seed=1, metric_names=metric_names, reported=reported, **options)


def curve(trial: Trial) -> dict[int, float]:
    return dict(trial.study.get_trials()[trial.number].intermediate_values)


def a_module(pl: Any, **options: Any) -> Any:
    """A module that trains one number, and remembers the (epoch, batch) pairs that it was trained on.

    Options: `interrupt_at` raises before that pair; `value` is logged as val_loss instead of the loss; `user_object`
    goes into every checkpoint.
    """

    class Module(pl.LightningModule):  # type: ignore[misc]  # of whichever package
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))
            self.trained: list[tuple[int, int]] = []

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            if (self.current_epoch, batch_idx) == options.get("interrupt_at"):
                raise InterruptionError
            self.trained.append((self.current_epoch, batch_idx))
            loss = (self.weight - 1).square().sum()
            self.log("train_loss", loss, on_step=False, on_epoch=True)
            return loss

        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.log("val_loss", options.get("value", (self.weight - 1).square().sum()))
            self.log("val_accuracy", 0.5)

        def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
            if "user_object" in options:
                checkpoint["user_object"] = options["user_object"]

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=0.1)

    return Module()


def train(pl: Any, module: Any, callback: Any, *, epochs: int = 3, **options: Any) -> Any:
    """Fit quietly on the CPU, going on from the trial's checkpoint; returns the Trainer."""
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=epochs,
        callbacks=[callback, *options.pop("callbacks", ())],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **{"num_sanity_val_steps": 0, **options},
    )
    trainer.fit(module, loader(BATCHES), loader(2), ckpt_path=resume_path())
    return trainer


def loader(batches: int) -> Any:
    return torch.utils.data.DataLoader(torch.zeros(batches))


def epochs_of(module: Any) -> list[int]:
    return sorted({epoch for epoch, _ in module.trained})
