# SPDX-License-Identifier: MIT
"""Write and read a worker's name and its heartbeat, a small file beside the study."""

import contextlib
import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hyperopt_app.processes import entries
from hyperopt_app.processes.entries import start_ticks
from hyperopt_app.schedulers.registry import place_of
from hyperopt_app.support.files import read_file, replacing

__all__ = ["BEAT_INTERVAL_S", "WorkerIdentity", "beating", "last_beat", "read_beat", "read_beats", "this_worker"]

BEAT_INTERVAL_S = 10.0

# What every release has written, and whoever reads signs of life relies on.
_TOLD = {"worker", "number", "host", "machine", "pid", "start", "beat"}


@dataclass(frozen=True)
class WorkerIdentity:
    """One worker process; written into every claim, so all fields are plain data.

    Attributes:
        worker: Unique name.
        number: Place among the workers of one launch, from 0.
        host: For people.
        machine: Equal only for processes that share a process table (one boot of one host, one PID namespace).
        pid: Process id there.
        start: The process's start time in clock ticks since boot, so that a reused pid is recognised; 0 if unknown.
        beat: Path of the worker's sign of life.
        place: Where it runs in a cluster, as a plain `scheduler.Place`; empty in claims of older versions.
        label: What the user calls it, by the environment variable HYPEROPT_LABEL; for tables.
    """

    worker: str
    number: int
    host: str
    machine: str
    pid: int
    start: int
    beat: str
    place: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""

    def as_claim(self) -> dict[str, Any]:
        """Return the identity as the plain mapping that is stored with a trial."""
        return asdict(self)


def this_worker(number: int, study_dir: Path) -> WorkerIdentity:
    """The identity of the calling process. Runs in a worker."""
    host, pid = socket.gethostname(), os.getpid()
    worker = f"{number}-{host}-{pid}-{uuid.uuid4().hex[:6]}"
    beat = str((study_dir / "workers" / f"{worker}.json").absolute())
    place = asdict(place_of(os.environ, host))
    label = os.environ.get("HYPEROPT_LABEL", "")
    return WorkerIdentity(worker, number, host, entries.machine(), pid, start_ticks(pid) or 0, beat, place, label)


def read_beat(path: str) -> Any:
    """Read the content of a worker's heartbeat file; None if there is none."""
    if not path:
        return None
    try:
        return json.loads(read_file(Path(path)))
    except (OSError, ValueError):
        return None


def last_beat(path: str) -> float | None:
    """Return the time of a worker's last heartbeat, in seconds since the epoch; None if it left none."""
    try:
        return Path(path).stat().st_mtime if path else None
    except OSError:
        return None


def read_beats(directory: Path) -> Iterator[dict[str, Any]]:
    """Read the heartbeats in a study's `workers/`, by the workers' names."""
    for path in sorted(directory.glob("*.json")):
        beat = read_beat(str(path))
        if isinstance(beat, dict) and beat.keys() >= _TOLD:  # else a file of the user's
            yield beat


@contextlib.contextmanager
def beating(identity: WorkerIdentity, interval_s: float = BEAT_INTERVAL_S) -> Iterator[None]:
    """Write heartbeats from a thread while the body runs. Runs in a worker."""
    path = Path(identity.beat)
    path.parent.mkdir(parents=True, exist_ok=True)
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(path, identity, interval_s, over), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        path.unlink(missing_ok=True)


def _beat(path: Path, identity: WorkerIdentity, interval_s: float, over: threading.Event) -> None:
    count = 0
    while True:
        # A full or hanging disk must not end the training; the next beat tries again.
        with contextlib.suppress(OSError), replacing(path) as aside:
            aside.write_text(json.dumps({**identity.as_claim(), "count": count}))
        count += 1
        if over.wait(interval_s):
            return
