# SPDX-License-Identifier: MIT
"""Write and read when each worker of a study was at work, and with how many GPUs.

Each worker has a small file of its own in `workers/times/`. It is written as the worker begins and again as it ends; a
worker that was killed has no end there, and counts up to its last sign of life. In a job of a scheduler the times are
those of the job, because that is what a cluster charges: the job's script knows when it began, and writes when it ends.
"""

import atexit
import contextlib
import glob
import json
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperopt_app.processes.entries import started_at
from hyperopt_app.schedulers.gpu_slots import own_gpus
from hyperopt_app.schedulers.place import begin_of_job
from hyperopt_app.schedulers.registry import place_of
from hyperopt_app.study.heartbeat import BEAT_INTERVAL_S, WorkerIdentity, last_beat
from hyperopt_app.study.trial_facts import union_s
from hyperopt_app.support.files import read_file, replacing

__all__ = ["WorkerTime", "note_end_of_job", "noting_time", "read_worker_times", "spanned_s"]

# A worker whose sign of life is older has ended without a word.
_SILENT_S = 3 * BEAT_INTERVAL_S


@dataclass(frozen=True)
class WorkerTime:
    """When one worker was at work; times in seconds since the epoch.

    Attributes:
        worker: Its unique name, as in the claims of trials.
        number: Its place among the workers of one launch, from 0.
        host: The machine's name.
        node: The node's name in the scheduler; empty outside of one.
        job: The job's number in the scheduler; empty outside of one.
        gpus: GPUs that it had to itself; a fraction of one that several workers shared, 0 without any.
        begun: When its job began, elsewhere when the worker did, by its own clock.
        ended: When its job's script ended, elsewhere when the worker did; when it was last seen alive if it was
            killed and its job with it, and the present while it works.
        is_at_work: Whether it works still, as far as its sign of life tells.
    """

    worker: str
    number: int
    host: str
    node: str
    job: str
    gpus: float
    begun: float
    ended: float
    is_at_work: bool

    @property
    def seconds(self) -> float:
        """How long it was at work."""
        return self.ended - self.begun


@contextlib.contextmanager
def noting_time(identity: WorkerIdentity) -> Iterator[None]:
    """Write this worker's begin, and after the block its end. Runs in a worker.

    A disk that is full must not end the training, so what cannot be written is left out.
    """
    path = Path(identity.beat).parent / "times" / Path(identity.beat).name
    is_in_job = bool(identity.place.get("job"))
    job_began = begin_of_job(os.environ) or started_at(identity.pid) if is_in_job else None
    record = {
        "worker": identity.worker,
        "number": identity.number,
        "host": identity.host,
        "node": identity.place.get("node", ""),
        "job": identity.place.get("job", ""),
        "gpus": own_gpus(os.environ),
        "begun": job_began or time.time(),
    }
    _write(path, record)
    try:
        yield
    finally:
        _write_end(path, record)
        if is_in_job:  # the job goes on until the process has ended
            atexit.register(_write_end, path, record)


def note_end_of_job(study_dir: Path, environment: Mapping[str, str]) -> None:
    """Write that the workers of this node end now with their job. Runs in the job's script, after them.

    Those of an earlier run of the same job keep their ends.

    Args:
        study_dir: The study's directory.
        environment: That of the job.
    """
    host = socket.gethostname()
    job, begun = place_of(environment, host).job, begin_of_job(environment)
    for path in (study_dir / "workers" / "times").glob(f"*-{glob.escape(host)}-*.json"):
        with contextlib.suppress(OSError, ValueError, TypeError, LookupError):
            record = json.loads(read_file(path))
            if record["job"] == job and record["begun"] == begun:
                _write_end(path, record)


def _write_end(path: Path, record: Mapping[str, Any]) -> None:
    if not path.exists():  # the study was deleted meanwhile, and must not come back
        return
    now = time.time()
    # A scheduler counts whole seconds, and a job's begin is one; half a second in each of many short runs adds up.
    _write(path, {**record, "ended": max(record["begun"], float(int(now))) if record["job"] else now})


def _write(path: Path, record: Mapping[str, Any]) -> None:
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as aside:
            aside.write_text(json.dumps(record), encoding="utf-8")


def read_worker_times(study_dir: Path, now: float | None = None) -> list[WorkerTime]:
    """Read the times of all workers of a study, by their begins; files of another form are passed over.

    Args:
        study_dir: The study's directory.
        now: Seconds since the epoch; by default the present.
    """
    present = time.time() if now is None else now
    workers = study_dir / "workers"
    times = (_read(path, workers, present) for path in workers.glob("times/*.json"))
    return sorted((known for known in times if known is not None), key=lambda known: (known.begun, known.worker))


def _read(path: Path, workers: Path, now: float) -> WorkerTime | None:
    try:
        stored = json.loads(read_file(path))
        begun = float(stored["begun"])
        ended, is_at_work = _time_of_end(stored.get("ended"), last_beat(str(workers / path.name)), begun, now)
        return WorkerTime(
            worker=str(stored["worker"]),
            number=int(stored["number"]),
            host=str(stored["host"]),
            node=str(stored["node"]),
            job=str(stored["job"]),
            gpus=float(stored["gpus"]),
            begun=begun,
            ended=max(begun, ended),
            is_at_work=is_at_work,
        )
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return None


def _time_of_end(stored: object, beat: float | None, begun: float, now: float) -> tuple[float, bool]:
    """Return when a worker ended, and whether it works still."""
    if isinstance(stored, int | float):
        return float(stored), False
    seen = begun if beat is None else beat  # the first sign of life comes a moment after the begin
    return (now, True) if now - seen < _SILENT_S else (seen, False)


def spanned_s(times: Iterable[WorkerTime]) -> float:
    """Return the seconds in which at least one of the workers was at work."""
    return union_s((known.begun, known.ended) for known in times)
