# SPDX-License-Identifier: MIT
"""A Hydra app whose trials meet, at their first try, what is not their fault, as `what` says; the second is fine."""

import errno
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import numpy as np

import hyperopt_app


def _disk() -> None:
    with Path("/dev/full").open("w") as file:
        file.write("a checkpoint")


def _quota() -> None:
    raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "last.ckpt")


def _as_a_cause() -> None:
    try:
        _disk()
    except OSError as error:
        raise RuntimeError("the checkpoint could not be written") from error


def _as_a_context() -> None:
    try:
        _disk()
    finally:
        raise RuntimeError("a writer that is closed after a failed write raises once more")


def _without_number() -> None:
    np.zeros(1_000_000).tofile("/dev/full")


def _server() -> None:
    """The server of the trials' processes is this process's parent; the trial itself would run on."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


def _server_at_the_end() -> None:
    """The next trial finds it dying."""
    os.kill(os.getppid(), signal.SIGKILL)


def _stopped_server() -> None:
    """The trial ends well, and nobody tells its worker; nor is the next one forked."""
    os.kill(os.getppid(), signal.SIGSTOP)


WHAT: dict[str, Callable[[], object]] = {
    "disk": _disk,
    "quota": _quota,
    "as_a_cause": _as_a_cause,
    "as_a_context": _as_a_context,
    "without_number": _without_number,
    "server": _server,
    "server_at_the_end": _server_at_the_end,
    "stopped_server": _stopped_server,
}


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(conf: Any) -> float:
    """Meet it, and at the second try return how many tries there were."""
    trial = hyperopt_app.current_trial()
    assert trial is not None
    tries = trial.directory / "tries"
    with tries.open("a") as file:
        file.write("x")
    count = tries.stat().st_size
    if count == 1 or conf.always:
        WHAT[conf.what]()
    return float(count)


if __name__ == "__main__":
    main()
