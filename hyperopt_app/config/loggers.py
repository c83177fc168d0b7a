# SPDX-License-Identifier: MIT
"""Config schemas of the loggers, by the names under `hydra.sweeper.logger`."""

from dataclasses import dataclass, field

__all__ = ["LOGGERS", "CsvLoggerConf", "MlflowLoggerConf", "TensorboardLoggerConf", "WandbLoggerConf"]


@dataclass
class CsvLoggerConf:
    """Two CSV files for each trial, which need no package."""

    # Where the folders of the studies lie; null for `csv` in the study's directory.
    directory: str | None = None


@dataclass
class TensorboardLoggerConf:
    """A TensorBoard run for each trial; wants the package tensorboard."""

    # Where the folders of the studies lie; null for `tensorboard` in the study's directory.
    directory: str | None = None


@dataclass
class MlflowLoggerConf:
    """An MLflow run for each trial; wants the package mlflow or mlflow-skinny."""

    # A folder, or the URI of a server; null for MLFLOW_TRACKING_URI, and without it `mlflow` in the study's directory.
    tracking_uri: str | None = None

    # The experiment to which the runs belong; null for the study's name.
    experiment: str | None = None


@dataclass
class WandbLoggerConf:
    """A run of Weights & Biases for each trial; wants the package wandb."""

    # `online`, `offline` or `disabled`; null for WANDB_MODE, and without it `offline`.
    mode: str | None = None

    # null for WANDB_PROJECT, and without it `hyperopt`.
    project: str | None = None

    # A user or a team; null for WANDB_ENTITY or the user's default.
    entity: str | None = None

    # Where the folder `wandb` lies; null for the study's directory.
    directory: str | None = None

    # Tags of each run.
    tags: list[str] = field(default_factory=list)


LOGGERS: dict[str, type] = {
    "csv": CsvLoggerConf,
    "mlflow": MlflowLoggerConf,
    "tensorboard": TensorboardLoggerConf,
    "wandb": WandbLoggerConf,
}
