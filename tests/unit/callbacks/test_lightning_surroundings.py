# SPDX-License-Identifier: MIT
"""The Lightning callback beside what is Lightning's own: its checkpoints of the best epochs, and its requeueing."""

import signal
from pathlib import Path
from typing import Any

import pytest

from hyperopt_app.callbacks.lightning import HyperoptCallback, resume_path
from hyperopt_app.objective.trial import active_trial
from tests.unit.callbacks._lightning_trainings import (
    LIGHTNINGS,
    InterruptionError,
    a_module,
    a_trial,
    again,
    epochs_of,
    loader,
)

# Advice on a machine with Slurm, which no test is about; and that it goes on in a folder that is not empty.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The `srun` command is available on your system but is not used"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
]
PL: Any = LIGHTNINGS["pytorch_lightning"]


def _trainer(directory: Path, *callbacks: Any, **options: Any) -> Any:
    return PL.Trainer(
        accelerator="cpu",
        max_epochs=5,
        callbacks=[HyperoptCallback("val_loss"), *callbacks],
        default_root_dir=directory,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **options,
    )


def _monitors(directory: Path) -> tuple[Any, Any]:
    where = {"dirpath": directory / "best", "filename": "{epoch}"}
    best = PL.callbacks.ModelCheckpoint(**where, monitor="val_loss", save_top_k=2)
    return best, PL.callbacks.EarlyStopping("val_loss", patience=9)


def _seen(best: Any, early: Any) -> Any:
    scores = {Path(path).name: float(score) for path, score in best.best_k_models.items()}
    return scores, Path(best.best_model_path).name, early.wait_count, float(early.best_score)


def test_the_best_epochs_outlive_an_interruption(tmp_path: Path) -> None:
    """Lightning's own callbacks know of each epoch, the last one before it too, and no file is left over."""
    undisturbed, places = tmp_path / "undisturbed", tmp_path / "trial"
    wanted = _monitors(undisturbed)
    _trainer(undisturbed, *wanted).fit(a_module(PL), loader(4), loader(2))
    places.mkdir()
    trial, monitors, module = a_trial(places), _monitors(places), a_module(PL)
    with active_trial(trial), pytest.raises(InterruptionError):
        _trainer(places, *_monitors(places)).fit(a_module(PL, interrupt_at=(3, 2)), loader(4), loader(2))
    with active_trial(again(trial.study, trial._trial, places, resumed=True)):
        trainer = _trainer(places, *monitors)
        trainer.fit(module, loader(4), loader(2), ckpt_path=resume_path())
    assert epochs_of(module) == [3, 4]
    assert _seen(*monitors) == _seen(*wanted)
    files = [sorted(path.name for path in (place / "best").iterdir()) for place in (undisturbed, places)]
    assert files[0] == files[1]
    assert (trainer.checkpoint_callback, trainer.early_stopping_callback) == monitors


def test_lightning_does_not_requeue_the_job_of_a_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the training code asks for it: Slurm's signal is answered by the worker, as before the training."""
    for name in ("SLURM_NTASKS", "SLURM_JOB_ID"):
        monkeypatch.setenv(name, "1")
    for name in ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID"):
        monkeypatch.setenv(name, "0")
    seen = dict[str, Any]()
    from lightning_fabric.plugins.environments.slurm import SLURMEnvironment

    class Looks(PL.Callback):  # type: ignore[misc]  # of whichever package
        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            seen["handler"] = signal.getsignal(signal.SIGUSR1)
            seen["requeues"] = trainer._accelerator_connector.cluster_environment.auto_requeue

    before = signal.getsignal(signal.SIGUSR1)
    slurm = SLURMEnvironment(auto_requeue=True)
    options = {"devices": 1, "enable_checkpointing": False, "plugins": [slurm]}
    with active_trial(a_trial(tmp_path)):
        _trainer(tmp_path, Looks(), **options).fit(a_module(PL), loader(4), loader(2))
    assert seen == {"handler": before, "requeues": True}
    assert signal.getsignal(signal.SIGUSR1) == before
