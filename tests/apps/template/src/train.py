# SPDX-License-Identifier: MIT
"""A project in the shape of the public Lightning and Hydra templates: all that is trained comes from `configs/`.

It knows nothing of a search but in `configs/hparams_search/`, which also brings the callback and the checkpoint.
"""

import logging
import os
import sys
from pathlib import Path
from typing import Any

import hydra
import lightning
import torch
from omegaconf import DictConfig

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("PROJECT_ROOT", str(ROOT))
sys.path.insert(0, str(ROOT))

from src.parts.building import built_all, log_hyperparameters  # type: ignore[import-not-found]  # noqa: E402

log = logging.getLogger(__name__)


def train(cfg: DictConfig) -> dict[str, float]:
    """Build everything that the config names, train, test with the best checkpoint; returns all metrics."""
    torch.set_num_threads(1)
    lightning.seed_everything(cfg.seed, workers=True, verbose=False)
    data = hydra.utils.instantiate(cfg.data)
    model = hydra.utils.instantiate(cfg.model)
    callbacks, loggers = built_all(cfg.get("callbacks")), built_all(cfg.get("logger"))
    trainer = hydra.utils.instantiate(cfg.trainer, callbacks=callbacks, logger=loggers)
    log_hyperparameters(cfg, loggers)
    trainer.fit(model, datamodule=data, ckpt_path=cfg.get("ckpt_path"))
    metrics = dict(trainer.callback_metrics)
    if cfg.test:
        best = trainer.checkpoint_callback.best_model_path
        log.info("Best checkpoint: %s", best)
        trainer.test(model, datamodule=data, ckpt_path=best or None, verbose=False)
    return {name: float(value) for name, value in {**metrics, **trainer.callback_metrics}.items()}


@hydra.main(version_base="1.3", config_path="../configs", config_name="train")
def main(cfg: DictConfig) -> Any:
    """Train, and return the metric that is optimised."""
    metrics = train(cfg)
    wanted = cfg.get("optimized_metric")
    return metrics[wanted] if wanted else None


if __name__ == "__main__":
    main()
