# SPDX-License-Identifier: MIT
"""Decide whether a job that ended before the budget was spent goes back into the queue, a limited number of times.

A worker that was asked to stop, or that lacks time for another trial, leaves a note. After the workers have ended, the
job script asks here whether the job was cancelled and whether it has come back too often. How it comes back depends on
the scheduler: Slurm requeues the job under the same number, a PBS job submits its script again. Where nodes may not
submit, the attached driver launches new jobs.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hyperopt_app.errors import PayloadError
from hyperopt_app.launchers.jobs import AGAIN, ASKED_EARLY, GOES_ON, WAS_ASKED
from hyperopt_app.launchers.payload import load_payload
from hyperopt_app.schedulers.registry import job_of, scheduler_of_payload, values_of

__all__ = ["after_job", "near_limit_s", "note_deletion", "note_end"]

Run = Callable[..., str]

# A job whose workers were asked to end this close to its limit ended because of it, and was not cancelled. At most: see
# `near_limit_s`.
_NEAR_THE_LIMIT_S = 120.0
_OUT_OF_TIME = "out of time"


def near_limit_s(limit_s: float, grace_s: float) -> float:
    """How many seconds before its limit a job may be asked to end because of that limit; pure.

    Args:
        limit_s: The time limit of a job.
        grace_s: How long before it the worker asks its trial to end.
    """
    return max(grace_s, min(_NEAR_THE_LIMIT_S, limit_s / 2))


def note_end(payload: Path, environment: Mapping[str, str], *, out_of_time: bool = False) -> None:
    """Leave a note that this job's worker ended before the budget was spent. Runs in a worker.

    Args:
        payload: That of the worker.
        environment: That of the worker.
        out_of_time: It stopped because of its time limit; else it was asked to end.
    """
    if job_of(environment):
        _note(payload, environment).write_text(_OUT_OF_TIME if out_of_time else WAS_ASKED)


def note_deletion(
    payload: Path,
    settings: Mapping[str, Any],
    environment: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> None:
    """Leave a note that somebody deletes this job, where its scheduler does not say so; not if its limit is near.

    Runs in a worker as the signal comes: the scheduler may kill the job before its script reaches `after_job`.

    Args:
        payload: That of the worker.
        settings: What the payload says of the launch.
        environment: That of the worker.
        clock: Seconds since 1970.
    """
    scheduler, job = scheduler_of_payload(settings, environment), job_of(environment)
    if job and not scheduler.tells_ends and not _is_near_limit(settings, environment, clock):
        (payload.parent / f"{ASKED_EARLY}{job}").touch()


def _is_near_limit(settings: Mapping[str, Any], environment: Mapping[str, str], clock: Callable[[], float]) -> bool:
    near_s = float(settings.get("near_limit_s", _NEAR_THE_LIMIT_S))
    return clock() + near_s > float(environment.get("HYPEROPT_END") or "inf")


def after_job(
    payload: Path, environment: Mapping[str, str], run: Run | None = None, clock: Callable[[], float] = time.time
) -> int:
    """Put the job back into the queue if needed. Runs in the job's script, after the workers.

    Returns:
        The exit status for the script, always 0: the workers' own status is what counts.
    """
    call = run or _output_of
    note, job = _note(payload, environment), job_of(environment)
    if not job or not note.exists():
        return 0
    why = note.read_text()
    note.unlink()
    try:
        settings = load_payload(payload)["settings"]
        scheduler = scheduler_of_payload(settings, environment)
        most = int(settings["max_resubmissions"])
    except PayloadError as error:
        _say(f"job {job} is not put back into the queue: {error}")
        return 0
    # A job may come back under another number, so the worker's counts.
    so_far = payload.parent / f"resubmissions-{environment.get('HYPEROPT_WORKER') or job}"
    count = int(so_far.read_text()) if so_far.exists() else 0
    try:
        by_limit = why == _OUT_OF_TIME or _is_near_limit(settings, environment, clock)
        obstacle = scheduler.obstacle(environment, call, by_limit=by_limit)
        if obstacle and not scheduler.tells_ends:
            (payload.parent / f"{ASKED_EARLY}{job}").touch()
        if obstacle:
            _say(f"job {job} is not put back into the queue: {obstacle}")
        elif count >= most:
            _say(f"job {job} is not put back into the queue: max_resubmissions={most}; the same command goes on")
        else:
            so_far.write_text(str(count + 1))
            _say(f"job {job} goes back into the queue, for the {count + 1}. time of at most {most}")
            if successor := scheduler.put_back(environment, call):
                (payload.parent / f"{AGAIN}{job}").write_text(successor)
    except (OSError, subprocess.SubprocessError) as error:
        _say(f"job {job} could not be put back into the queue ({error}); the same command goes on")
    return 0


def _note(payload: Path, environment: Mapping[str, str]) -> Path:
    restarts = filter(None, values_of(environment, lambda variables: variables.restart))
    return payload.parent / f"{GOES_ON}{job_of(environment)}-{next(restarts, '0')}"


def _output_of(words: Sequence[str], folder: Path | None = None) -> str:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=30, check=True).stdout


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
