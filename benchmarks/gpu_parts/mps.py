# SPDX-License-Identifier: MIT
"""NVIDIA's Multi-Process Service, by which processes use a GPU at the same time instead of taking turns."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["CannotStartError", "started"]

_CONTROL = "nvidia-cuda-mps-control"


class CannotStartError(Exception):
    """The service is not installed, or may not be started here."""


@contextmanager
def started() -> Iterator[Mapping[str, str]]:
    """Start the service for this user, yield the environment that its clients need, and end it.

    Raises:
        CannotStartError: With the reason.
    """
    if shutil.which(_CONTROL) is None:
        raise CannotStartError(f"{_CONTROL} was not found")
    with tempfile.TemporaryDirectory(prefix="hyperopt-mps-") as folder:
        places = {"CUDA_MPS_PIPE_DIRECTORY": folder, "CUDA_MPS_LOG_DIRECTORY": folder}
        environment = {**os.environ, **places}
        done = subprocess.run(
            [_CONTROL, "-d"], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        if done.returncode:
            said = " ".join(f"{done.stdout} {done.stderr}".split())
            raise CannotStartError(f"{_CONTROL} ended with {done.returncode}: {said or 'it gave no reason'}")
        try:
            yield places
        finally:
            subprocess.run(
                [_CONTROL], input="quit\n", env=environment, capture_output=True, text=True, timeout=60, check=False
            )
