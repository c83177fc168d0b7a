# SPDX-License-Identifier: MIT
"""Lightning callback that reports metrics, prunes the trial and writes checkpoints.

`pytorch_lightning` and `lightning` are two packages with two `Callback` classes. This module imports neither: the
base class is chosen when a callback is created, by which package the training code has imported.
"""

import importlib
import importlib.util
import logging
import math
import os
import signal
import sys
import uuid
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.callbacks import _fits
from hyperopt_app.callbacks._last_hook import call_last
from hyperopt_app.callbacks._lightning_checkpoint import fault_of_place, state_in
from hyperopt_app.callbacks._random_states import random_states, set_random_states
from hyperopt_app.callbacks._training import check_mode, end_handlers, is_over
from hyperopt_app.errors import MetricError
from hyperopt_app.objective.trial import Trial, current_trial, report
from hyperopt_app.ranks.environment import refuse_in_a_worker

if TYPE_CHECKING:
    from pytorch_lightning import Callback as _Base
else:
    _Base = object

__all__ = ["HyperoptCallback", "resume_path"]

_log = logging.getLogger(__name__)

_PACKAGES = ("pytorch_lightning", "lightning.pytorch")


class HyperoptCallback(_Base):
    """Connects a `Trainer` of `pytorch_lightning` or of `lightning` to the running trial.

    After each validation it reports the metric, with the number of validations so far as the step (1, 2,
    ...), and raises `optuna.TrialPruned` if the pruner says so. After each training epoch, and after a
    validation in the middle of one, it writes `last.ckpt` aside and renames it, so that a reader sees a whole
    file or none; that of a pruned trial is removed. A Trainer without a validation loop is reported at the end of
    each epoch. A metric that is NaN or infinite stops the training.

    Outside a sweep it reports nothing and writes checkpoints only if it was given a directory. A Trainer with several
    processes calls it in each: rank zero reports and writes, and all are pruned or leave together. In a trial Lightning
    does not answer SIGTERM and does not requeue a Slurm job itself: the worker does both, at the next checkpoint.

    Args:
        monitor: Name of a metric that the module logs and that exists when validation ends; None for the
            first of the sweeper's metrics.
        directory: Where `last.ckpt` goes outside a sweep, None for nowhere; a trial has its own directory.
        mode: `min` or `max`, checked against the direction of the study; None for no check.
        every_n_epochs: Report, prune and write the checkpoint only after every so many epochs, and after the last.
        fit: A name for this training where a trial has several (`fold1`): its checkpoint is `last-fold1.ckpt` then,
            and `resume_path(fit="fold1")` finds it. Letters, digits, `_`, `-` and `.`.

    Raises:
        MetricError: From the first validation: the module does not log the metric. When a fit begins: the study goes in
            another direction than `mode`.
        ValueError: When it is made: the name of the fit cannot be a part of a file's name, the mode does not exist, or
            the number of epochs is not positive.
    """

    def __new__(cls, *_args: Any, **_kwargs: Any) -> "HyperoptCallback":
        """Create an instance whose class also derives from the `Callback` of the Lightning packages in use."""
        plain: Any = cls  # mypy does not take a class for something hashable
        return object.__new__(_with_lightning_base(plain, _callback_bases()))

    def __init__(
        self,
        monitor: str | None = None,
        directory: str | os.PathLike[str] | None = None,
        *,
        mode: str | None = None,
        every_n_epochs: int = 1,
        fit: str | None = None,
    ) -> None:
        super().__init__()
        _fits.checkpoint_name(fit)
        if mode not in (None, "min", "max"):
            raise ValueError(f"HyperoptCallback(mode={mode!r}): write 'min' or 'max', or leave it out")
        if every_n_epochs < 1:
            raise ValueError(f"HyperoptCallback(every_n_epochs={every_n_epochs}): set a whole number above 0")
        self.mode = mode
        self.every_n_epochs = every_n_epochs
        self.monitor = monitor
        self.directory = directory
        self.fit = fit
        self._validations = 0
        self._metrics: dict[str, float] = {}
        self._run = ""
        self._nth = 1
        self._random: Mapping[str, Any] | None = None
        self._handlers: dict[int, Any] = {}
        self._is_called_last = False

    def __reduce__(self) -> Any:
        # The class with Lightning's base has no importable name; its plain parent has, and makes it anew.
        plain = next(parent for parent in type(self).__mro__ if "_hyperopt_lightning" not in vars(parent))
        return _bare, (plain,), self.__dict__

    @property
    def state_key(self) -> str:
        """Return the key of this callback's state in a checkpoint; the same for both packages."""
        return HyperoptCallback.__qualname__

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint: the number of reported validations, and the fit it belongs to."""
        trial = current_trial()
        return {
            "validations": self._validations,
            "params": None if trial is None else trial.params,
            "metrics": self._metrics,
            "run": self._this_run(),
            "nth": self._nth,
            "random": random_states(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the number of validations from the checkpoint."""
        self._validations = int(state_dict["validations"])
        self._metrics = dict(state_dict.get("metrics", {}))  # an older release has written neither
        self._run = str(state_dict.get("run", ""))
        self._random = state_dict.get("random")

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Start another fit with this object; a checkpoint to resume from is read after this.

        Raises:
            MetricError: The study does not go in the direction of `mode`.
            RanksError: The Trainer uses several processes, and the trial runs in its worker's.
        """
        if trainer.world_size > 1:
            refuse_in_a_worker()
        trial = current_trial()
        if trial is not None and stage == "fit":
            check_mode(self.mode, trial.direction_names)
            self._handlers = end_handlers()
        if stage == "fit":
            self._run, self._metrics, self._random = "", {}, None
            self._is_called_last = call_last(trainer, self, self._end_epoch)

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Count the fits that share a checkpoint's name; draw the numbers that the interrupted fit would have drawn."""
        if self._random is not None:
            set_random_states(self._random)
            self._random = None
        path = self._path()
        if path is not None:
            self._nth = _fits.begin(current_trial(), path)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Take the signals back that Lightning has just begun to answer: the worker decides what they mean."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Allow a fit with a name to be tried again; without a name it looks like the trial's next fit."""
        path = self._path()
        if path is not None and self.fit is not None and trainer.state.fn == "fit":
            _fits.take_back(current_trial(), path)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Record that the fit has finished, so that nothing resumes from its checkpoint."""
        path = self._path()
        if path is not None and path.exists() and trainer.is_global_zero:
            _fits.keep_finished(path, self._this_run())
        if not trainer.callback_metrics and self._metrics:  # a checkpoint of the last epoch leaves nothing to train
            trainer.callback_metrics.update(_as_logged(self._metrics))

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Report and prune; in the middle of an epoch also write the checkpoint."""
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        if not self._is_due(trainer):
            self._validations += 1
            return
        self._report(trainer)
        if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Write the checkpoint, from which training goes on with the next epoch."""
        if not self._is_due(trainer):
            self._validations += not trainer.enable_validation
            return
        if not trainer.enable_validation:
            self._report(trainer)
        if not self._is_called_last:
            self._end_epoch(trainer)

    def _end_epoch(self, trainer: Any) -> None:
        """Write the checkpoint and let the trial leave, once all else has seen the end of the epoch."""
        if not self._is_due(trainer):
            return
        self._save(trainer)
        trial = current_trial()
        # After the last epoch there is nothing to go on with elsewhere: the trial ends by itself. On several ranks all
        # ask, and all are answered as rank zero is.
        if trial is not None and not is_over(trainer):
            trial.checkpointed(reported=True)

    def _is_due(self, trainer: Any) -> bool:
        """Whether this epoch is to be reported."""
        epochs: int = trainer.current_epoch + 1
        return bool(epochs % self.every_n_epochs == 0 or epochs == trainer.max_epochs)

    def _report(self, trainer: Any) -> None:
        self._validations += 1
        trial = current_trial()
        name = self.monitor or next(iter(trial.metric_names if trial else ()), None)
        if trial is None and name is None:
            return
        value = _metric(name, trainer.callback_metrics)
        if trainer.world_size > 1:  # a metric need not be the same on all ranks, and all end together
            value = float(trainer.strategy.broadcast(value))
        _log.info("%s = %.6g after validation %d", name, value, self._validations)
        if trial is not None:
            _report_or_prune(trial, value, self._validations, is_first=trainer.is_global_zero)
        if not math.isfinite(value):
            _log.warning("%s is not finite: the training stops here.", name)
            trainer.should_stop = True

    def _this_run(self) -> str:
        self._run = self._run or uuid.uuid4().hex
        return self._run

    def _path(self) -> Path | None:
        return _checkpoint_path(current_trial(), self.directory, self.fit)

    def _save(self, trainer: Any) -> None:
        path = self._path()
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        aside = path.with_name(path.name + ".part")
        trainer.save_checkpoint(aside, weights_only=False)
        if trainer.is_global_zero:
            aside.replace(path)


def resume_path(directory: str | os.PathLike[str] | None = None, *, fit: str | None = None) -> str | None:
    """Return the checkpoint for `trainer.fit(..., ckpt_path=resume_path())`; None for a fresh start.

    In a trial it is the trial's own `last.ckpt`, which an interrupted fit of an earlier worker has left; a fit that
    came to its end, in this worker or an earlier one, does not count. A file that is torn, not a Lightning
    checkpoint, of other parameters or of another fit of the trial is logged as a warning and ignored.

    Args:
        directory: Where to look outside a sweep; None for nowhere.
        fit: The name of the fit, that of its `HyperoptCallback(..., fit=...)`.

    Raises:
        ValueError: The name of the fit cannot be a part of a file's name.
    """
    trial = current_trial()
    path = _checkpoint_path(trial, directory, fit)
    if path is None:
        return None
    place = _fits.begun(trial, path) + 1
    if trial is None:
        return _resumable(path, trial, place)
    # A rank that is slower than others may look at a file that has changed meanwhile.
    checkpoint: str | None = trial.agreed("resume_path", lambda: _resumable(path, trial, place))
    return checkpoint


def _resumable(path: Path, trial: Trial | None, place: int) -> str | None:
    """Return a checkpoint from which the fit at this place of its trial can go on; None if it cannot."""
    if not path.exists():
        return None
    state, fault = state_in(path, HyperoptCallback.__qualname__, trial)
    if _fits.is_finished(path, None if state is None else state.get("run")):
        return None
    fault = fault or fault_of_place(state, place)
    if fault:
        _log.warning("%s is not used: %s. The training starts from its beginning.", path, fault)
        return None
    return str(path)


def _report_or_prune(trial: Trial, value: float, step: int, *, is_first: bool) -> None:
    from optuna import TrialPruned

    try:
        report(value, step)
    except TrialPruned:
        # Nobody goes on with a pruned trial, and its checkpoint may be large.
        if is_first:
            for path in {trial.checkpoint, *_fits.paths_begun(trial)}:
                path.unlink(missing_ok=True)
        raise


def _checkpoint_path(
    trial: Trial | None, directory: str | os.PathLike[str] | None, fit: str | None = None
) -> Path | None:
    name = _fits.checkpoint_name(fit)
    if trial is not None:
        return trial.checkpoint.with_name(name)
    return None if directory is None else Path(directory) / name


def _as_logged(metrics: Mapping[str, float]) -> dict[str, Any]:
    import torch

    return {name: torch.tensor(value, dtype=torch.float64) for name, value in metrics.items()}


def _metric(name: str | None, logged: Any) -> float:
    if name is not None and name in logged:
        return float(logged[name])
    names = ", ".join(sorted(logged)) or "nothing"
    if name is None:
        raise MetricError(
            "HyperoptCallback: it has no metric to report: neither HyperoptCallback(monitor=...) nor "
            f"hydra.sweeper.metric is set. After its first validation the module has logged {names}. "
            "Set hydra.sweeper.metric to one of these names."
        )
    raise MetricError(
        f"HyperoptCallback(monitor={name!r}): after its first validation the module has logged {names}. "
        "Set hydra.sweeper.metric (of which the first name is watched), or monitor, to one of these names, or "
        f"call self.log({name!r}, value) in validation_step or on_validation_epoch_end."
    )


def _bare(plain: type[HyperoptCallback]) -> HyperoptCallback:
    """Create a callback without attributes, for unpickling."""
    return plain.__new__(plain)


def _callback_bases() -> tuple[type, ...]:
    """Return the `Callback` class of every Lightning package in use, else of the first that is installed."""
    loaded = [name for name in _PACKAGES if name in sys.modules]
    installed = [name for name in _PACKAGES if importlib.util.find_spec(name.partition(".")[0])]
    names = loaded or installed[:1]
    if not names:
        raise ModuleNotFoundError(
            "HyperoptCallback needs Lightning: install one of the packages pytorch-lightning and lightning "
            "(`pip install 'hyperopt-app[train]'`)."
        )
    return tuple(importlib.import_module(name).Callback for name in names)


@cache
def _with_lightning_base(plain: type, bases: tuple[type, ...]) -> type:
    if issubclass(plain, bases):
        return plain
    namespace = {"__module__": plain.__module__, "__qualname__": plain.__qualname__, "_hyperopt_lightning": True}
    return type(plain.__name__, (plain, *bases), namespace)
