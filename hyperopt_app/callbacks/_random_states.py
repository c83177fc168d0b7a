# SPDX-License-Identifier: MIT
"""Read and set the states of the global random generators of Python, NumPy and torch, as data that JSON can hold."""

import logging
import random
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["random_states", "set_random_states"]

_log = logging.getLogger(__name__)


def random_states() -> dict[str, Any]:
    """Return the states of the generators of all libraries that are imported; CUDA's only where it is in use."""
    version, numbers, gauss = random.getstate()
    states: dict[str, Any] = {"python": [version, list(numbers), gauss]}
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        name, key, *rest = numpy.random.get_state()
        states["numpy"] = [name, key.tolist(), *rest]
    if torch is not None:
        states["torch"] = torch.get_rng_state().tolist()
        if torch.cuda.is_initialized():
            states["cuda"] = [state.tolist() for state in torch.cuda.get_rng_state_all()]
    return states


def set_random_states(states: Mapping[str, Any]) -> None:
    """Set the generators to states that `random_states` returned, importing the libraries that they are of."""
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    if "numpy" in states:
        import numpy as np

        name, key, *rest = states["numpy"]
        np.random.set_state((name, np.array(key, "uint32"), *rest))  # noqa: NPY002 - the global generator is meant
    if "torch" in states:
        _set_torch(states["torch"], states.get("cuda", []))


def _set_torch(on_cpu: list[int], on_devices: list[list[int]]) -> None:
    import torch

    torch.set_rng_state(torch.tensor(on_cpu, dtype=torch.uint8))
    count = torch.cuda.device_count() if on_devices and torch.cuda.is_available() else 0
    if count == len(on_devices):
        torch.cuda.set_rng_state_all([torch.tensor(state, dtype=torch.uint8) for state in on_devices])
    else:
        _log.warning(
            "the checkpoint was written with %d CUDA devices, and here are %d: their random numbers begin anew",
            len(on_devices),
            count,
        )
