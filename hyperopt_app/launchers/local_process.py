# SPDX-License-Identifier: MIT
"""The process of one local job: read the job from standard input, run it as Hydra would, write the result."""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.processes.streams import spelling_out
from hyperopt_app.support.files import replacing

if TYPE_CHECKING:
    from hyperopt_app.support.hydra_state import HydraState

__all__ = ["run_job_of"]


def _main() -> None:
    # Until the job has handlers of its own, a wish to end just ends it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    import cloudpickle

    from hyperopt_app.support.hydra_state import unpacked

    sys.path[:] = json.loads(sys.stdin.buffer.readline())
    job, hydra = unpacked(sys.stdin.buffer.read())
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _end_with(job["parent"])
    with contextlib.suppress(KeyboardInterrupt), spelling_out():
        _leave(job["result"], cloudpickle.dumps(run_job_of(job, hydra)))


def run_job_of(job: dict[str, Any], hydra: "HydraState") -> Any:
    """Run one Hydra job: compose its config and call its task function; returns a `JobReturn`.

    Args:
        job: What the launcher has packed.
        hydra: The state of the driver, which came with it.
    """
    from hydra.core.utils import run_job, setup_globals
    from omegaconf import open_dict

    setup_globals()
    hydra.restore()
    with _each_warning_once(job["task_function"]):
        config = job["context"].config_loader.load_sweep_config(job["config"], job["overrides"])
        with open_dict(config):
            config.hydra.job.id = f"{config.hydra.job.name}_{job['number']}"
            config.hydra.job.num = job["number"]
        return run_job(
            hydra_context=job["context"],
            task_function=job["task_function"],
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )


def _each_warning_once(task_function: Any) -> contextlib.AbstractContextManager[None]:
    """Let one of a study's workers show Hydra's warnings about composition; a job may not be a worker."""
    from hyperopt_app.study.repeated_warnings import each_warning_once

    study_dir = getattr(task_function, "study_dir", None)
    return contextlib.nullcontext() if study_dir is None else each_warning_once(study_dir)


def _leave(path: Path, result: bytes) -> None:
    with replacing(path) as aside:
        aside.write_bytes(result)


def _end_with(parent: int) -> None:
    """End this job when the driver has died, because nobody could see or stop it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


if __name__ == "__main__":
    _main()
