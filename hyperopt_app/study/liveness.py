# SPDX-License-Identifier: MIT
"""Decide whether the worker holding a trial is still alive.

A worker rewrites a small file beside the study at intervals. On the same machine the process table gives the answer at
once. A worker that is stopped (SIGSTOP) for longer than the lease is killed, with everything its trial started, before
the trial is given to another worker. On another machine the scheduler decides, if it says that the worker's job has
ended; otherwise a heartbeat that does not change for the length of the lease, by the observer's own clock. Clocks of
two machines are never compared.
"""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from hyperopt_app.processes.entries import process_lives
from hyperopt_app.processes.family import end_family, stopped_at
from hyperopt_app.schedulers.place import UNKNOWN, Place, Verdict
from hyperopt_app.study.heartbeat import read_beat, read_beats

__all__ = ["Observer", "end_stopped_workers", "is_dead", "works_elsewhere"]

_log = logging.getLogger(__name__)

# Who has beaten within this time is not asked about: a healthy study makes no call.
SUSPICIOUS_SILENCE_S = 15.0


class Scheduler(Protocol):
    """Decides whether the job in which a claim was made has ended; see `schedulers.registry`."""

    def verdict(self, claim: Mapping[str, Any]) -> Verdict:
        """Return what the scheduler says of the run in which the claim was made."""


def is_dead(process_lives: bool | None, silence_s: float, lease_s: float, verdict: Verdict = UNKNOWN) -> bool:
    """The rule, pure: the process table where it can be asked, else a run that has ended, else the lease.

    That a job runs keeps nobody alive: its worker may have been killed in it.

    Args:
        process_lives: What the process table says; None if the worker is on another machine, or unknown.
        silence_s: Seconds since the observer last saw a new beat.
        lease_s: How long a silence may last.
        verdict: What the scheduler says.
    """
    if process_lives is not None:
        return not process_lives
    return verdict.is_gone or silence_s > lease_s


class Observer:
    """Remembers since when each worker has been silent. One per observing process.

    Args:
        lease_s: Seconds of silence after which a worker elsewhere is dead, and for which one here may be stopped.
        clock: Monotonic seconds.
        scheduler: Asked for workers elsewhere that are silent, or whose sign of life is not there.
    """

    def __init__(
        self, lease_s: float, clock: Callable[[], float] = time.monotonic, scheduler: Scheduler | None = None
    ) -> None:
        self._lease_s = lease_s
        self._clock = clock
        self._scheduler = scheduler
        self._seen: dict[str, tuple[Any, float]] = {}
        self._causes: dict[str, str] = {}
        self._untouchable: set[str] = set()

    def is_dead(self, claim: Mapping[str, Any] | None, key: str) -> bool:
        """Whether the holder of a claim is gone.

        Args:
            claim: What the holder wrote; None if it died between taking the trial and writing its name.
            key: What the silence of a nameless holder is remembered under.
        """
        # Never a worker's name, which a caller may give as the key: its own silence must not be forgotten here.
        nameless = f"without a name: {key}"
        if claim is None:
            return is_dead(None, self._silence_s(nameless, None), self._lease_s)
        self._seen.pop(nameless, None)  # the next nameless holder is another one
        beat = read_beat(str(claim.get("beat", "")))
        silence_s = self._silence_s(str(claim["worker"]), beat)
        lives = process_lives(claim)
        if lives and self._is_stopped(claim):
            lives = False
        is_suspicious = lives is None and (beat is None or silence_s >= SUSPICIOUS_SILENCE_S)
        verdict = self._asked(claim) if is_suspicious else UNKNOWN
        return is_dead(lives, silence_s, self._lease_s, verdict)

    def end(self, claim: Mapping[str, Any] | None) -> bool:
        """Leave nothing running here of a holder that was found dead: of a stopped one itself, and of its trial.

        Returns:
            False if something is left that may write into the trial's directory: then the trial stays where it is.
        """
        if claim is None or process_lives(claim) is None:
            return True
        worker, pid = str(claim["worker"]), int(claim["pid"])
        is_stopped = bool(process_lives(claim))
        try:
            is_over = end_family(pid, int(claim["start"]))
        except PermissionError:
            self._untouchable.add(worker)
            _log.warning(
                "worker %s (process %d) is stopped for longer than hydra.sweeper.lease_s=%g seconds, and this user may "
                "not kill it; its trial is not given away: `kill -CONT %d` lets it go on, `kill -KILL %d` ends it",
                *(worker, pid, self._lease_s, pid, pid),
            )
            return False
        if is_over and is_stopped:
            text = f"stopped for longer than hydra.sweeper.lease_s={self._lease_s:g} seconds, and killed for that"
            self._causes[worker] = text
            _log.warning("worker %s (process %d) was %s", worker, pid, text)
        return is_over

    def _is_stopped(self, claim: Mapping[str, Any]) -> bool:
        """Whether a worker of this machine is seen to be stopped for a whole lease; one that only hangs is not."""
        key = f"stopped: {claim['worker']}"
        ticks = stopped_at(int(claim["pid"]), int(claim["start"]))
        if ticks is None or claim["worker"] in self._untouchable:
            self._seen.pop(key, None)
            return False
        return self._silence_s(key, ticks) > self._lease_s

    def cause(self, claim: Mapping[str, Any] | None) -> str:
        """Why the holder of a claim is gone, in the scheduler's word, such as `OUT_OF_MEMORY`; asks nobody.

        Returns:
            An empty text if the holder was not found dead, or if it was found so by other evidence.
        """
        return "" if claim is None else self._causes.get(str(claim["worker"]), "")

    def _asked(self, claim: Mapping[str, Any]) -> Verdict:
        verdict = UNKNOWN if self._scheduler is None else self._scheduler.verdict(claim)
        if verdict.is_gone:
            tasks = Place.of_claim(claim).tasks
            # Which worker of several has brought the end upon its job, nobody knows: none is to blame.
            self._causes[str(claim["worker"])] = verdict.state + (f" of a job of {tasks} workers" if tasks > 1 else "")
        return verdict

    def _silence_s(self, key: str, beat: Any) -> float:
        now = self._clock()
        before = self._seen.get(key)
        if before is None or before[0] != beat:
            self._seen[key] = (beat, now)
            return 0.0
        return now - before[1]


def end_stopped_workers(study_dir: Path, observer: Observer) -> None:
    """Kill this machine's workers that are stopped for a whole lease, so that nothing waits for them for ever."""
    for beat in read_beats(study_dir / "workers"):
        if process_lives(beat) and observer.is_dead(beat, ""):
            observer.end(beat)


def works_elsewhere(study_dir: Path, node: str, observer: Observer) -> bool:
    """Whether a live worker of the study is on another node than this one."""
    beats = read_beats(study_dir / "workers")
    return any(beat.get("place", {}).get("node") != node and not observer.is_dead(beat, "") for beat in beats)
