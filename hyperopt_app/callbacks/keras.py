# SPDX-License-Identifier: MIT
"""Keras callback that reports metrics, prunes the trial and writes checkpoints.

It imports Keras only when a callback is created.
"""

import importlib
import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hyperopt_app.callbacks import _fits
from hyperopt_app.callbacks._keras_base import OfKeras, installed_keras
from hyperopt_app.callbacks._keras_checkpoint import can_go_on, load, restore, save
from hyperopt_app.callbacks._random_states import random_states, set_random_states
from hyperopt_app.errors import MetricError
from hyperopt_app.objective.trial import current_trial, report

__all__ = ["HyperoptCallback", "OfKeras"]

_log = logging.getLogger(__name__)


class HyperoptCallback(OfKeras):
    """Connects `model.fit` of Keras to the running trial: `model.fit(..., callbacks=[HyperoptCallback()])`.

    After each epoch with a validation it reports the metric, with the number of epochs so far as the step (1, 2, ...),
    and raises `optuna.TrialPruned` if the pruner says so. A metric that is NaN or infinite stops the training. Outside
    a sweep it reports nothing.

    It works with `keras` and with `tf_keras`, whichever the training code uses. With Keras 3 it also writes `last.ckpt`
    after each epoch, aside and renamed: the variables of the model (with the seeds of its dropout layers) and of its
    optimizer, the history, and the states of the random generators of Python, NumPy and torch. When the trial goes on,
    `fit` begins after the last whole epoch, and its history is that of the whole training. The checkpoint of a pruned
    trial is removed. Outside a sweep it writes only if it was given a directory. What other callbacks remember is not
    saved. `tf_keras` needs Keras's own `BackupAndRestore` for that.

    Args:
        monitor: Name of a metric in the logs of an epoch, such as `val_loss`; None for the first of the sweeper's
            metrics.
        directory: Where `last.ckpt` goes outside a sweep, None for nowhere; a trial has its own directory.
        fit: A name for this training where a trial has several (`fold1`): its checkpoint is `last-fold1.ckpt` then.
            Letters, digits, `_`, `-` and `.`.

    Raises:
        MetricError: From the first epoch with a validation: the logs have no such metric.
        ModuleNotFoundError: No Keras is installed.
        ValueError: The name of the fit cannot be a part of a file's name.
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

    def __init__(
        self,
        monitor: str | None = None,
        *,
        directory: str | os.PathLike[str] | None = None,
        fit: str | None = None,
    ) -> None:
        super().__init__()
        _fits.checkpoint_name(fit)
        self.monitor = monitor
        self.directory = directory
        self.fit = fit
        self._names: list[str] = []
        self._has_reported = False
        self._history: dict[str, list[float]] = {}
        self._nth = 1

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Go on from the checkpoint that an earlier attempt has left."""
        self._history, path, model = {}, self._path(), self._trained()
        if path is None or not can_go_on(model):
            return
        self._nth = _fits.begin(current_trial(), path)
        if not path.exists():
            return
        try:
            meta, arrays = load(path)
            fault = self._fault(meta) or restore(model, arrays)
        except Exception as error:  # noqa: BLE001 - a file that is torn, or a stranger's, makes NumPy raise anything
            fault = f"it cannot be read ({type(error).__name__}: {next(iter(str(error).splitlines()), '')})"
        if fault:
            _log.warning("%s is not used: %s. The training starts from its beginning.", path, fault)
            return
        model._initial_epoch = int(meta["epoch"])  # noqa: SLF001 - as Keras's own BackupAndRestore does
        self._history = {name: list(values) for name, values in meta["history"].items()}
        model.history.history.update({name: list(values) for name, values in self._history.items()})
        self._names, self._has_reported = sorted(self._history), bool(meta["has_reported"])
        set_random_states(meta["random"])

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Report and prune, then write the checkpoint."""
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(float(value))
        self._report(epoch, logs or {})
        self._save(epoch + 1)

    def _report(self, epoch: int, logs: Mapping[str, Any]) -> None:
        """Report and prune; skip an epoch without validation (`validation_freq`)."""
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
        self._report_or_prune(value, epoch + 1)
        if not math.isfinite(value):
            _log.warning("%s is not finite: the training stops here.", name)
            self._trained().stop_training = True

    def _report_or_prune(self, value: float, step: int) -> None:
        try:
            report(value, step)
        except BaseException as error:
            path = self._path()
            if type(error).__name__ == "TrialPruned" and path is not None:
                path.unlink(missing_ok=True)  # nobody goes on with a pruned trial, and it may be large
            raise

    def _save(self, epoch: int) -> None:
        path, model, trial = self._path(), self._trained(), current_trial()
        if path is None or not can_go_on(model):
            return
        meta = {
            "epoch": epoch,
            "history": self._history,
            "has_reported": self._has_reported,
            "random": random_states(),
            "params": None if trial is None else trial.params,
            "nth": self._nth,
        }
        save(path, model, meta)
        settings: Mapping[str, Any] = getattr(self, "params", None) or {}
        is_over = model.stop_training or epoch >= settings.get("epochs", math.inf)
        if trial is not None and not is_over:
            trial.checkpointed(reported=True)

    def _fault(self, meta: Mapping[str, Any]) -> str | None:
        """Say why this fit cannot go on from a checkpoint; None if it can."""
        trial = current_trial()
        if trial is not None and meta["params"] not in (None, trial.params):
            return f"it belongs to other parameters ({meta['params']})"
        if meta["nth"] != self._nth:
            return (
                f"it is of fit {meta['nth']} of this trial and this is fit {self._nth}; give each a name, "
                'HyperoptCallback(fit="fold1"), and each goes on from its own'
            )
        return None

    def _path(self) -> Path | None:
        trial, name = current_trial(), _fits.checkpoint_name(self.fit)
        if trial is not None:
            return trial.checkpoint.with_name(name)
        return None if self.directory is None else Path(self.directory) / name

    def _trained(self) -> Any:
        return getattr(self, "model")  # noqa: B009 - an attribute of the base

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Raise an error if the training ended without the metric."""
        if can_go_on(self._trained()):
            self._trained()._initial_epoch = None  # noqa: SLF001 - of the next fit of this model
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
