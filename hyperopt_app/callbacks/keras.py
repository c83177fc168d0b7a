# SPDX-License-Identifier: MIT
"""Keras callback that reports metrics and prunes the trial; it imports Keras only when a callback is created."""

import importlib
import logging
import math
from collections.abc import Mapping
from typing import Any

from hyperopt_app.callbacks._keras_base import OfKeras, installed_keras
from hyperopt_app.errors import MetricError
from hyperopt_app.objective.trial import current_trial, report

__all__ = ["HyperoptCallback", "OfKeras"]

_log = logging.getLogger(__name__)


class HyperoptCallback(OfKeras):
    """Connects `model.fit` of Keras to the running trial: `model.fit(..., callbacks=[HyperoptCallback()])`.

    After each epoch with a validation it reports the metric, with the number of epochs so far as the step (1, 2, ...),
    and raises `optuna.TrialPruned` if the pruner says so. A metric that is NaN or infinite stops the training. Outside
    a sweep it reports nothing.

    It works with `keras` and with `tf_keras`, whichever the training code uses. It writes no checkpoints: for a trial
    that is to continue after an interruption, add Keras's own `BackupAndRestore` with a place in
    `hyperopt_app.current_trial().directory`.

    Args:
        monitor: Name of a metric in the logs of an epoch, such as `val_loss`; None for the first of the sweeper's
            metrics.

    Raises:
        MetricError: From the first epoch with a validation: the logs have no such metric.
        ModuleNotFoundError: No Keras is installed.
    """

    def __new__(cls, *_args: Any, **_kwargs: Any) -> "HyperoptCallback":
        """Create an instance whose class also derives from the `Callback` of the Keras in use."""
        name = installed_keras()
        if name is None:
            raise ModuleNotFoundError(
                "HyperoptCallback needs Keras: `pip install 'hyperopt-app[keras]'`, and a backend for it."
            )
        importlib.import_module(name)
        made: HyperoptCallback = super().__new__(cls)  # type: ignore[assignment]
        return made

    def __init__(self, monitor: str | None = None) -> None:
        super().__init__()
        self.monitor = monitor
        self._names: list[str] = []
        self._has_reported = False

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Report and prune; skip an epoch without validation (`validation_freq`)."""
        logs = logs or {}
        self._names = sorted({*self._names, *logs})
        name = self._metric()
        if name is None:
            return
        if name not in logs:
            if any(metric.startswith("val_") for metric in logs) or not name.startswith("val_"):
                raise self._missing(name)
            return
        value, self._has_reported = float(logs[name]), True
        _log.info("%s = %.6g after epoch %d", name, value, epoch + 1)
        report(value, epoch + 1)
        if not math.isfinite(value):
            _log.warning("%s is not finite: the training stops here.", name)
            model: Any = getattr(self, "model")  # noqa: B009 - an attribute of the base
            model.stop_training = True

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Warn if the training ended without the metric."""
        name = self._metric()
        if name is not None and self._names and not self._has_reported:
            raise self._missing(name)

    def _metric(self) -> str | None:
        """Return the monitored metric; None if nothing needs it."""
        trial = current_trial()
        name = self.monitor or next(iter(trial.metric_names if trial else ()), None)
        if name is None and trial is not None:
            raise MetricError(
                "HyperoptCallback: it has no metric to report: neither HyperoptCallback(monitor=...) nor "
                f"hydra.sweeper.metric is set. The logs of the epoch have {self._listed()}. "
                "Set hydra.sweeper.metric to one of these names."
            )
        return name

    def _missing(self, name: str) -> MetricError:
        return MetricError(
            f"HyperoptCallback(monitor={name!r}): the logs of an epoch have {self._listed()}. Set "
            "hydra.sweeper.metric (of which the first name is watched), or monitor, to one of these names, or compile "
            f"the model with such a metric; one that begins with val_ wants validation data."
        )

    def _listed(self) -> str:
        return ", ".join(self._names) or "nothing"
