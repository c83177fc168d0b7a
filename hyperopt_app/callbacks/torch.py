# SPDX-License-Identifier: MIT
"""Save and resume a training loop in plain torch: model, optimizer and the like, random numbers, and the step.

torch is imported when a training saves or resumes.
"""

import logging
import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hyperopt_app.callbacks import _fits
from hyperopt_app.callbacks._random_states import random_states, set_random_states
from hyperopt_app.errors import HyperoptError
from hyperopt_app.objective.trial import current_trial
from hyperopt_app.support.files import replacing

__all__ = ["Checkpoint"]

_log = logging.getLogger(__name__)

_RELEASE = 1


class Checkpoint:
    """The checkpoint of a training loop, from which an interrupted trial goes on as if nothing had happened.

    ```
    checkpoint = Checkpoint(model=model, optimizer=optimizer, scheduler=scheduler)
    for epoch in range(checkpoint.resume() + 1, epochs + 1):
        ...  # train, then hyperopt_app.report(loss, epoch)
        checkpoint.save(epoch, {"val_loss": loss}, last=epoch == epochs)
    return checkpoint.values
    ```

    With the parts it saves the states of the random generators of Python, NumPy and torch, on the CPU and on all CUDA
    devices, so that the steps after a resume draw the same numbers as they would have drawn without the interruption.
    It writes the trial's `last.ckpt` aside and renames it. Outside a sweep it writes only if it was given a directory.
    It is for the process in which the objective was called.

    Args:
        directory: Where the checkpoint goes outside a sweep, None for nowhere; a trial has its own directory.
        fit: A name for this training where a trial has several (`fold1`): the file is `last-fold1.ckpt` then. Letters,
            digits, `_`, `-` and `.`.
        parts: What has `state_dict` and `load_state_dict` (modules, optimizers, schedulers, gradient scalers), or
            `get_state` and `set_state` (`torch.Generator`), each under a name.

    Attributes:
        values: What the last `save`, or the resumed checkpoint, was given; empty before.

    Raises:
        TypeError: A part has no such methods.
        ValueError: The name of the fit cannot be a part of a file's name.
    """

    def __init__(
        self, *, directory: str | os.PathLike[str] | None = None, fit: str | None = None, **parts: Any
    ) -> None:
        for name, part in parts.items():
            if not (hasattr(part, "load_state_dict") or hasattr(part, "set_state")):
                raise TypeError(
                    f"Checkpoint({name}=...): a {type(part).__name__} has neither state_dict and load_state_dict nor "
                    "get_state and set_state; leave it out, and save what it holds by save(step, values)"
                )
        self.values: dict[str, Any] = {}
        self._parts = parts
        trial, name = current_trial(), _fits.checkpoint_name(fit)
        place = None if directory is None else Path(directory) / name
        self._path = place if trial is None else trial.checkpoint.with_name(name)
        self._nth = 1 if self._path is None else _fits.begin(trial, self._path)
        self._has_saved = False

    def resume(self, begin: int = 0) -> int:
        """Load the checkpoint that an earlier attempt has left, and return its step.

        A file that cannot be read, or is of other parts, other parameters or another fit of this trial, is logged as a
        warning and ignored.

        Args:
            begin: What is returned without a checkpoint: the step before the first.
        """
        if self._path is None or not self._path.exists():
            return begin
        try:
            state = _loaded(self._path)
        except Exception as error:  # noqa: BLE001 - a file that is torn, or a stranger's, makes torch raise anything
            state, fault = {}, self._unreadable(error)
        else:
            fault = self._fault(state)
        if fault:
            _log.warning("%s is not used: %s. The training starts from its beginning.", self._path, fault)
            return begin
        for name, part in self._parts.items():
            load = part.load_state_dict if hasattr(part, "load_state_dict") else part.set_state
            load(state["parts"][name])
        set_random_states(state["random"])
        self.values = dict(state["values"])
        return int(state["step"])

    def save(self, step: int, values: Mapping[str, Any] | None = None, *, last: bool = False) -> None:
        """Write the checkpoint of a step that has been reported, and say so: the trial may end here to go on later.

        Args:
            step: The step that is done, such as the epoch.
            values: Plain values (numbers, texts, tensors, lists and mappings of them) to go on with, such as the
                metrics that the objective returns.
            last: No step follows; the trial then completes.

        Raises:
            HyperoptError: A state holds objects that a checkpoint cannot be trusted with.
        """
        self.values = {name: _plain_value(value) for name, value in (values or {}).items()}
        if self._path is None:
            return
        import torch

        trial = current_trial()
        states = {name: _state_of(part) for name, part in self._parts.items()}
        content = {
            "hyperopt_app": _RELEASE,
            "step": int(step),
            "values": self.values,
            "parts": states,
            "random": random_states(),
            "params": None if trial is None else trial.params,
            "nth": self._nth,
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self._path) as aside:
            torch.save(content, aside)
            if not self._has_saved:
                _check_readable(aside)
        self._has_saved = True
        if trial is not None and not last:
            trial.checkpointed()

    def _unreadable(self, error: Exception) -> str | None:
        return f"it cannot be read ({next(iter(str(error).splitlines()), type(error).__name__)})"

    def _fault(self, state: Any) -> str | None:
        """Say why the training cannot go on from a checkpoint; None if it can."""
        trial = current_trial()
        if not isinstance(state, dict) or state.get("hyperopt_app") != _RELEASE:
            return "it was not written by hyperopt_app.callbacks.torch.Checkpoint of this release"
        if trial is not None and state["params"] not in (None, trial.params):
            return f"it belongs to other parameters ({state['params']})"
        if state["nth"] != self._nth:
            return (
                f"it is of fit {state['nth']} of this trial and this is fit {self._nth}; give each a name, "
                'Checkpoint(fit="fold1", ...), and each goes on from its own'
            )
        if state["parts"].keys() != self._parts.keys():
            return f"it holds {', '.join(state['parts'])}, and this training has {', '.join(self._parts)}"
        return None


def _state_of(part: Any) -> Any:
    return part.state_dict() if hasattr(part, "load_state_dict") else part.get_state()


def _loaded(path: Path) -> Any:
    import torch

    with zipfile.ZipFile(path) as archive:
        torn = archive.testzip()
    if torn is not None:
        raise OSError(f"{torn} has a wrong checksum")
    # Plain data and tensors only: whoever can write to the directory shall not have code run here.
    return torch.load(path, map_location="cpu", weights_only=True)


def _check_readable(path: Path) -> None:
    """Find out at the first save, and not after an interruption, whether the checkpoint can be loaded."""
    import torch

    try:
        torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise HyperoptError(
            "Checkpoint: a state holds an object that is neither a tensor nor plain data; leave that part out, or save "
            f"what it holds by save(step, values) ({str(error).splitlines()[0]})"
        ) from None


def _plain_value(value: Any) -> Any:
    """Convert a NumPy number, which a checkpoint of plain data cannot hold."""
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0 else value
