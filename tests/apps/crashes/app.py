# SPDX-License-Identifier: MIT
"""A Hydra app whose trials end in every bad way that there is, as `ending` says."""

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import hydra

import hyperopt_app


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


def _memory() -> None:
    most = 400_000_000 + int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    kept = [bytearray(100_000_000) for _ in range(10)]
    sys.exit(f"{len(kept)} pieces fit")


def _segfault() -> None:
    ctypes.string_at(0)


def _endless() -> None:
    if os.fork() == 0:  # what the trial leaves behind
        time.sleep(600)
    while True:
        pass


def _cuda() -> None:
    raise OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def _killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


ENDINGS: dict[str, Callable[[], object]] = {
    "memory": _memory,
    "segfault": _segfault,
    "endless": _endless,
    "cuda": _cuda,
    "os_exit": partial(os._exit, 9),
    "sys_exit": partial(sys.exit, 3),
    "killed": _killed,
}


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> dict[str, float]:
    """End as told; otherwise ask for all that a trial may be asked for."""
    if conf.ending in ENDINGS:
        ENDINGS[conf.ending]()
    trial = hyperopt_app.current_trial()
    assert trial is not None
    trial.set_user_attr("pid", os.getpid())
    hyperopt_app.report(0.5, 0)
    print(f"a line of trial {trial.number}", flush=True)  # noqa: T201 - it shall be in the worker's log
    return {"loss": float("nan") if conf.ending == "diverges" else 0.25, "extra": trial.suggest_float("own", 2, 2)}


if __name__ == "__main__":
    main()
