# SPDX-License-Identifier: MIT
"""Train a network that locates and sizes particles in holograms, and tells whether there are any.

torch and Lightning are imported when a trial trains: the driver looks at this class before it starts any
worker, and need not spend seconds on that.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app import Objective, Trial, current_seed

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

__all__ = ["Holodec", "network_settings"]

_log = logging.getLogger(__name__)

_NEEDLESS = (
    ".*LeafSpec.* is deprecated",  # Lightning 2.6 asks torch 2.13 in the old way
    "The `srun` command is available on your system but is not used",  # it is the workers that Slurm starts
)


class Holodec(Objective):
    """Trains a `HolodecModule` and returns its metrics; `conf/hparams/holodec.yaml` explains the keys."""

    @classmethod
    def preload(cls, conf: Any) -> Sequence[str]:  # noqa: ARG003 - the same for all
        """What takes seconds to import, once for all trials of a worker."""
        return ("objectives.holodec_lightning", "hyperopt_app.callbacks.lightning")

    def train(self, trial: Trial | None, conf: Any) -> Mapping[str, float]:
        """Train once, going on from the trial's own checkpoint if an interrupted worker has left one.

        Args:
            trial: The running trial, None outside a sweep.
            conf: The sections model, optimizer, trainer and data, and `seed`, which counts outside a sweep.
        """
        import torch

        from objectives.holodec_lightning import HolodecData, HolodecModule

        settings = conf.trainer
        seed = current_seed(int(conf.seed))
        if settings.threads:
            torch.set_num_threads(int(settings.threads))
        directory = _directory(trial, settings.path_save)
        module = HolodecModule(
            {**network_settings(conf.model), "image_size": conf.data.window // conf.data.binning},
            conf.optimizer,
            alpha=float(settings.alpha),
            beta=float(settings.beta),
            seed=seed,
        )
        data = HolodecData(conf.data, seed)
        with _quiet():
            trainer = _trainer(settings, directory)
            trainer.fit(module, data, ckpt_path=_start(settings, directory))
            if "val_loss" not in trainer.callback_metrics:
                # The checkpoint was that of the last epoch, and there was nothing left to train.
                trainer.validate(module, data, verbose=False)
        directory.mkdir(parents=True, exist_ok=True)
        torch.save(module.network.state_dict(), directory / "weights.pt")
        return {name: float(value) for name, value in trainer.callback_metrics.items()}


def network_settings(model: Any) -> dict[str, Any]:
    """Arguments of `HologramVAE` from the configuration's section `model`; pure.

    Three keys stand for lists, which a search cannot vary as such; null leaves the lists as they are:
    `num_dense` repeats the first of `dense_hidden_dims` (and of `dense_dropouts`) that many times, `dropout`
    is the dropout after each of them, `width` multiplies every one of `hidden_dims`.
    """
    if model.image_channels != 1:
        raise ValueError(f"model.image_channels: {model.image_channels}; a hologram has 1 channel, its intensity")
    hidden, dense = list(model.hidden_dims), list(model.dense_hidden_dims)
    dropouts = [float(each) for each in model.dense_dropouts]
    if model.width is not None:
        hidden = [max(1, round(float(model.width) * each)) for each in hidden]
    if model.num_dense is not None:
        if int(model.num_dense) > 0 and not (dense and dropouts):
            raise ValueError("model.num_dense: model.dense_hidden_dims and model.dense_dropouts hold nothing to repeat")
        dense, dropouts = dense[:1] * int(model.num_dense), dropouts[:1] * int(model.num_dense)
    if model.dropout is not None:
        dropouts = [float(model.dropout)] * len(dense)
    return {
        "tasks": list(model.tasks),
        "image_channels": 1,
        "hidden_dims": hidden,
        "z_dim": int(model.z_dim),
        "dense_hidden_dims": dense,
        "dense_dropouts": dropouts,
    }


def _directory(trial: Trial | None, path_save: str | None) -> Path:
    """Where weights go: `path_save`, in a sweep with a folder per trial; else the trial's or run's directory."""
    if path_save is not None:
        return Path(path_save).expanduser() / ("" if trial is None else f"trial_{trial.number}")
    if trial is not None:
        return trial.directory
    from hydra.core.hydra_config import HydraConfig

    return Path(HydraConfig.get().runtime.output_dir) if HydraConfig.initialized() else Path.cwd()


def _trainer(settings: Any, directory: Path) -> "Trainer":
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment
    from pytorch_lightning import Trainer

    from hyperopt_app.callbacks.lightning import HyperoptCallback

    trainer = Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        # One trial is one process: a Slurm job's tasks are not Lightning's ranks, nor is the job its to requeue.
        plugins=LightningEnvironment(),
        max_epochs=int(settings.epochs),
        gradient_clip_val=settings.clip,
        gradient_clip_algorithm="value",
        callbacks=[HyperoptCallback(directory=directory)],
        default_root_dir=directory,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    progress: Any = trainer.fit_loop.epoch_progress.current
    progress.processed = progress.completed = int(settings.start_epoch)
    return trainer


def _start(settings: Any, directory: Path) -> str | None:
    """The checkpoint to go on from: the trial's own; else, if start_epoch > 0, the one in `path_save`."""
    from hyperopt_app.callbacks.lightning import resume_path

    own = resume_path()
    if own is not None or int(settings.start_epoch) == 0:
        return own
    path = (Path(settings.path_save).expanduser() if settings.path_save else directory) / "last.ckpt"
    if path.exists():
        return str(path)
    _log.info("trainer.start_epoch: %s not found; epochs are counted from %d.", path, settings.start_epoch)
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide, while it trains, what no argument of Lightning hides.

    Those are its notes on devices and on why a training ended, and warnings that do not concern a trial.
    """
    logger = logging.getLogger("pytorch_lightning.utilities.rank_zero")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for needless in _NEEDLESS:
                warnings.filterwarnings("ignore", message=needless)
            yield
    finally:
        logger.setLevel(before)
