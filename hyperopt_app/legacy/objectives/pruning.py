# SPDX-License-Identifier: MIT
"""Provide the original's Keras callback, and its functions that build pruners and samplers by name."""

import logging
from collections.abc import Mapping
from typing import Any

from hyperopt_app.callbacks.keras import OfKeras

__all__ = ["KerasPruningCallback", "pruners", "samplers"]

_log = logging.getLogger(__name__)


class KerasPruningCallback(OfKeras):
    """Reports a metric after each epoch, with the epoch from 0 as the step, and prunes the trial.

    Args:
        trial: What `train` was given.
        monitor: A name in the logs of an epoch. A list of names, of several objectives, is not watched.
        interval: The pruner is asked at every so many epochs; each epoch is reported.
    """

    def __init__(self, trial: Any, monitor: Any, interval: int = 1) -> None:
        super().__init__()
        self.trial = trial
        self.monitor = monitor
        self.interval = max(1, int(interval))
        self._has_warned = False

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Report; raise `optuna.TrialPruned` if the pruner says so."""
        if not self.trial or not isinstance(self.monitor, str):
            return
        value = (logs or {}).get(self.monitor)
        if value is None:
            self._warn_once(logs or {})
            return
        self.trial.report(float(value), step=epoch)
        if (epoch + 1) % self.interval == 0 and self.trial.should_prune():
            from optuna import TrialPruned

            raise TrialPruned(f"Trial was pruned at epoch {epoch}.")

    def _warn_once(self, logs: Mapping[str, Any]) -> None:
        if not self._has_warned:
            names = ", ".join(logs) or "nothing"
            _log.warning("KerasPruningCallback: %r is not in the logs, which have %s", self.monitor, names)
        self._has_warned = True


def samplers(sampler: Mapping[str, Any]) -> Any:
    """Build an Optuna sampler from `type` and its arguments."""
    import optuna

    return _built(optuna.samplers, sampler)


def pruners(pruner: Mapping[str, Any]) -> Any:
    """Build an Optuna pruner from `type` and its arguments."""
    import optuna

    return _built(optuna.pruners, pruner)


def _built(package: Any, node: Mapping[str, Any]) -> Any:
    arguments = {key: value for key, value in node.items() if key != "type"}
    return getattr(package, str(node["type"]))(**arguments)
