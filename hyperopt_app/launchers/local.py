# SPDX-License-Identifier: MIT
"""Run Hydra jobs as parallel processes on this machine; this is the driver's side, `local_process` is the other.

Jobs are sent by pipe, so that passwords in their configs are not written to disk. If a process dies, its job fails
and the others continue.
"""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
from hydra.core.utils import JobReturn, JobStatus, filter_overrides, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig

from hyperopt_app.errors import ConfigError, HyperoptError
from hyperopt_app.hydra_compat import configure_log
from hyperopt_app.processes.python_start import module_words, python_path, search_path
from hyperopt_app.schedulers.gpu_slots import GPUS_PER_TRIAL, WORKERS_HERE, WORKERS_PER_GPU
from hyperopt_app.support.display_text import counted
from hyperopt_app.support.files import appending
from hyperopt_app.support.hydra_state import packed

__all__ = ["LocalProcesses", "WorkerDiedError", "places"]

_log = logging.getLogger(__name__)

_POLL_S = 0.05


class WorkerDiedError(HyperoptError, RuntimeError):
    """A process ended without returning a result."""


def places(
    jobs: int, max_parallel: int | None, gpus: Sequence[int] | None, workers_per_gpu: int, gpus_per_trial: int = 1
) -> list[dict[str, str]]:
    """Return the environment of each slot in which a job can run at a time.

    Args:
        jobs: How many jobs there are.
        max_parallel: Most processes at a time, None for no limit.
        gpus: CUDA devices, None to leave them as they are.
        workers_per_gpu: Places on each device.
        gpus_per_trial: Devices of each place.

    Raises:
        ConfigError: A number is not positive, the list of devices is empty, or there are too few for a trial.
    """
    faults = [
        f"hydra.launcher.{name}: {value} is not allowed; set a whole number above 0"
        for name, value in (
            ("max_parallel", max_parallel),
            ("workers_per_gpu", workers_per_gpu),
            ("gpus_per_trial", gpus_per_trial),
        )
        if value is not None and value < 1
    ]
    if gpus_per_trial > 1 and workers_per_gpu > 1:
        faults.append("hydra.launcher.workers_per_gpu: a trial on several GPUs cannot share them; set it to 1")
    if gpus is not None and not (gpus and all(str(gpu).isdecimal() for gpu in gpus)):
        faults.append(f"hydra.launcher.gpus: {list(gpus)} is not allowed; list device numbers from 0, or set null")
    elif gpus is not None and len(gpus) < gpus_per_trial:
        faults.append(
            f"hydra.launcher.gpus_per_trial: {gpus_per_trial} GPUs are wanted for each trial and gpus lists "
            f"{len(gpus)}; list more, or set it to fewer"
        )
    if faults:
        raise ConfigError(faults)
    most = min(jobs, max_parallel or jobs)
    if gpus is None:
        return [{} for _ in range(most)]
    # Spread before doubling up: the second worker of a device comes after the first of every device.
    groups = [gpus[at : at + gpus_per_trial] for at in range(0, len(gpus) - gpus_per_trial + 1, gpus_per_trial)]
    slots = [{"CUDA_VISIBLE_DEVICES": ",".join(map(str, group))} for _ in range(workers_per_gpu) for group in groups]
    return slots[:most]


@dataclass
class _Running:
    """A live process."""

    job: int
    place: int
    process: "subprocess.Popen[bytes]"
    result: Path
    log: Path


class LocalProcesses:
    """Runs the jobs of one launch.

    Args:
        context: Hydra's context.
        config: The sweep's composed config.
        task_function: What each job runs.
        max_parallel: See `places`.
        gpus: See `places`.
        workers_per_gpu: See `places`.
        gpus_per_trial: See `places`.
        grace_s: Seconds between the wish that a process ends and its end by force.
    """

    def __init__(
        self,
        context: HydraContext,
        config: DictConfig,
        task_function: Callable[[Any], Any],
        *,
        max_parallel: int | None,
        gpus: Sequence[int] | None,
        workers_per_gpu: int,
        gpus_per_trial: int = 1,
        grace_s: float,
    ) -> None:
        self._context = context
        self._config = config
        self._task_function = task_function
        self._max_parallel = max_parallel
        self._gpus = gpus
        self._workers_per_gpu = workers_per_gpu
        self._gpus_per_trial = gpus_per_trial
        self._grace_s = grace_s
        self._running: list[_Running] = []

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Run all jobs; see `LocalWorkersLauncher.launch`."""
        setup_globals()
        hydra = self._config.hydra
        configure_log(hydra.hydra_logging, hydra.verbose, self._context)
        sharing = (self._workers_per_gpu, self._gpus_per_trial)
        free = places(len(job_overrides), self._max_parallel, self._gpus, *sharing)
        logs = Path(str(hydra.sweep.dir), "workers").absolute()
        logs.mkdir(parents=True, exist_ok=True)
        _log.info("Launching %s; their output is in %s", counted(len(job_overrides), "local worker"), logs)
        with tempfile.TemporaryDirectory(prefix="hyperopt-") as scratch, self._ending():
            return self._run_all(job_overrides, initial_job_idx, free, logs, Path(scratch))

    def _run_all(
        self,
        job_overrides: Sequence[Sequence[str]],
        first: int,
        environments: Sequence[dict[str, str]],
        logs: Path,
        scratch: Path,
    ) -> list[JobReturn]:
        waiting = list(range(len(job_overrides)))
        free = list(range(len(environments)))
        returns: dict[int, JobReturn] = {}
        while waiting or self._running:
            while waiting and free:
                job, place = waiting.pop(0), free.pop(0)
                payload = self._payload(list(job_overrides[job]), first + job, scratch / f"{job}.result")
                log = logs / f"{first + job}.log"
                process = _start(payload, environments[place] | self._sharing(len(environments)), log)
                self._running.append(_Running(job, place, process, scratch / f"{job}.result", log))
            for worker in [worker for worker in self._running if worker.process.poll() is not None]:
                self._running.remove(worker)
                free.append(worker.place)
                returns[worker.job] = _collect(worker, list(job_overrides[worker.job]))
            time.sleep(_POLL_S)
        return [returns[job] for job in range(len(job_overrides))]

    def _sharing(self, workers: int) -> dict[str, str]:
        sharing = {WORKERS_HERE: str(workers), GPUS_PER_TRIAL: str(self._gpus_per_trial)}
        return sharing if self._gpus is None else {**sharing, WORKERS_PER_GPU: str(self._workers_per_gpu)}

    def _payload(self, overrides: list[str], number: int, result: Path) -> bytes:
        return packed(
            {
                "overrides": overrides,
                "number": number,
                "result": result,
                "context": self._context,
                "config": self._config,
                "task_function": self._task_function,
                "parent": os.getpid(),
            }
        )

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        """Ensure that no process is left when the body ends."""
        try:
            yield
        except KeyboardInterrupt:
            count = len(self._running)
            _log.warning(
                "Interrupted; %s now (Ctrl-C again kills)",
                counted(count, "worker gives its trial back", "workers give their trials back"),
            )
            raise
        finally:
            self._end_all()

    def _end_all(self) -> None:
        try:
            for number, patience_s in ((signal.SIGINT, self._grace_s), (signal.SIGTERM, 1.0)):
                self._signal(number)
                until = time.monotonic() + patience_s
                while self._alive() and time.monotonic() < until:
                    time.sleep(_POLL_S)
        finally:
            self._signal(signal.SIGKILL)
            for worker in self._running:
                worker.process.wait()

    def _alive(self) -> list[_Running]:
        return [worker for worker in self._running if worker.process.poll() is None]

    def _signal(self, number: signal.Signals) -> None:
        for worker in self._alive():
            worker.process.send_signal(number)


def _start(payload: bytes, environment: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    # A session of its own: Ctrl-C reaches the driver alone, which then asks its workers one by one.
    with appending(log) as output:
        process = subprocess.Popen(
            [sys.executable, *module_words("hyperopt_app.launchers.local_process")],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment, **python_path()},
            start_new_session=True,
        )
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:  # type: ignore[union-attr]
        # Before what follows can be unpickled; a script's folder is on it.
        pipe.write(json.dumps(search_path()).encode() + b"\n")
        pipe.write(payload)
    return process


def _collect(worker: _Running, overrides: list[str]) -> JobReturn:
    if worker.result.exists():
        returned: JobReturn = cloudpickle.loads(worker.result.read_bytes())
        return returned
    code = worker.process.returncode
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    died = JobReturn(overrides=list(filter_overrides(overrides)), status=JobStatus.FAILED)
    died.return_value = WorkerDiedError(f"worker {worker.job} died ({how}); its output is in {worker.log}")
    return died
