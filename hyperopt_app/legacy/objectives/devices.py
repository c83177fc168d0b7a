# SPDX-License-Identifier: MIT
"""Choose the device name that an original objective receives for the GPUs that this worker may use."""

import logging
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hyperopt_app.schedulers.gpu_slots import visible_gpus
from hyperopt_app.study.repeated_warnings import is_first

__all__ = ["device_index", "device_name", "gpu_report", "warn_once"]

_log = logging.getLogger(__name__)

# Dialects whose objectives may be given a list of devices.
_WITH_LISTS = ("B2", "B3", "B4")
_TIMEOUT_S = 20.0


def gpu_report() -> dict[int, int]:
    """Return the free memory of this machine's GPUs in MB, by index, from nvidia-smi.

    Raises:
        OSError: nvidia-smi is not installed.
        subprocess.SubprocessError: It failed.
    """
    command = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,nounits,noheader"]
    completed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S)
    lines = [line.strip() for line in completed.stdout.splitlines() if line.strip()]
    return {index: int(line) if line.isdigit() else 0 for index, line in enumerate(lines)}


def device_index(
    *, gpu: bool, dialect: str, environment: Mapping[str, str], ask: Callable[[], Mapping[int, int]] = gpu_report
) -> Any:
    """Return the original's `device`: `cpu`, the index of a GPU, or several, ordered by free memory.

    A worker that is pinned to GPUs counts them from 0, as CUDA does. A worker that is not gets the GPU with the most
    free memory; where the dialect knows lists, all of them.

    Args:
        gpu: Whether the objective is to use a GPU.
        dialect: See `Pair.dialect`.
        environment: That of this process.
        ask: Free memory by index.
    """
    if not gpu:
        return "cpu"
    order = _usable(environment, ask)
    if not order:
        warn_once(_log, "gpu: a GPU is wanted and this machine shows none; the objective gets cpu")
        return "cpu"
    return list(order) if len(order) > 1 and dialect in _WITH_LISTS else order[0]


def _usable(environment: Mapping[str, str], ask: Callable[[], Mapping[int, int]]) -> Sequence[int]:
    if "CUDA_VISIBLE_DEVICES" in environment:
        return range(len(visible_gpus(environment)))
    try:
        free = ask()
    except (OSError, subprocess.SubprocessError):
        return ()
    return sorted(free, key=lambda index: -free[index])


def device_name(device: Any) -> Any:
    """Convert `0` to `cuda:0`, also in lists; a name stays unchanged."""
    if isinstance(device, (list, tuple)):
        return [device_name(name) for name in device]
    return f"cuda:{device}" if str(device).isdigit() else device


def warn_once(log: logging.Logger, message: str, *args: object) -> None:
    """Log a warning once per study, in the trial where it first occurs; without a trial, once per process."""
    text = message % args
    if is_first(text):
        log.warning("%s", text)
