# SPDX-License-Identifier: MIT
"""A job that has ended before the budget goes back into the queue by itself, a bounded number of times.

A worker that was told to end, or has no time for another trial, leaves a note. After the workers the job's script asks
here whether nobody has cancelled the job and whether it has not come back too often. A Slurm job is requeued and keeps
its number; a PBS job, which its user may not requeue, submits its script again. Where nodes may not do that, the
attached driver launches again.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hyperopt_app.errors import PayloadError
from hyperopt_app.launchers.jobs import GOES_ON, TOLD_TO_END, WAS_TOLD
from hyperopt_app.launchers.payload import thaw

__all__ = ["after_job", "near_limit_s", "note_end"]

Run = Callable[..., str]

# A PBS job whose workers were told to end so near to its limit ended because of that, and was not cancelled. At most:
# see `near_limit_s`.
_NEAR_THE_LIMIT_S = 120.0
_OUT_OF_TIME = "out of time"


def near_limit_s(limit_s: float, grace_s: float) -> float:
    """How many seconds before its limit a job of PBS that is told to end is told so by that limit; pure.

    Args:
        limit_s: The time limit of a job.
        grace_s: How long before it the worker asks its trial to end.
    """
    return max(grace_s, min(_NEAR_THE_LIMIT_S, limit_s / 2))


def note_end(payload: Path, environment: Mapping[str, str], *, out_of_time: bool = False) -> None:
    """Leave word that this job's worker ended before the budget. Runs in a worker.

    Args:
        payload: That of the worker.
        environment: That of the worker.
        out_of_time: It saw its limit come; else it was told to end.
    """
    if _job(environment):
        _note(payload, environment).write_text(_OUT_OF_TIME if out_of_time else WAS_TOLD)


def after_job(
    payload: Path, environment: Mapping[str, str], run: Run | None = None, clock: Callable[[], float] = time.time
) -> int:
    """Put the job back into the queue if that is wanted. Runs in the job's script, after the workers.

    Returns:
        The exit status for the script, always 0: the workers' own status is what counts.
    """
    call = run or _run
    note, job = _note(payload, environment), _job(environment)
    if not job or not note.exists():
        return 0
    why = note.read_text()
    note.unlink()
    try:
        settings = thaw(payload)["settings"]
        most, near_s = int(settings["max_resubmissions"]), float(settings.get("near_limit_s", _NEAR_THE_LIMIT_S))
    except PayloadError as error:
        _say(f"job {job} is not put back into the queue: {error}")
        return 0
    # A job of PBS comes back under another number, so the worker's counts.
    so_far = payload.parent / f"resubmissions-{environment.get('HYPEROPT_WORKER') or job}"
    count = int(so_far.read_text()) if so_far.exists() else 0
    try:
        obstacle = _obstacle(environment, call, why, clock() + near_s)
        if obstacle and _is_pbs(environment):
            (payload.parent / f"{TOLD_TO_END}{job}").touch()
        if obstacle:
            _say(f"job {job} is not put back into the queue: {obstacle}")
        elif count >= most:
            _say(f"job {job} is not put back into the queue: max_resubmissions={most}; the same command goes on")
        else:
            so_far.write_text(str(count + 1))
            _say(f"job {job} goes back into the queue, for the {count + 1}. time of at most {most}")
            _put_back(payload, environment, call)
    except (OSError, subprocess.SubprocessError) as error:
        _say(f"job {job} could not be put back into the queue ({error}); the same command goes on")
    return 0


def _obstacle(environment: Mapping[str, str], call: Run, why: str, near_at_s: float) -> str:
    """Why the job must not come back; empty if it may. A limit is near that lies before `near_at_s`."""
    if not _is_pbs(environment):
        # A filter of the user's own (SQUEUE_STATES) would hide it.
        words = ["squeue", "--noheader", "--states", "all", "--jobs", _job(environment), "--format", "%T"]
        state = call(words).strip()
        return "" if state == "RUNNING" else f"its state is {state or 'unknown'}"
    near = near_at_s > float(environment.get("HYPEROPT_END", "inf"))
    return "" if near or why == _OUT_OF_TIME else "it was told to end long before its time limit"


def _put_back(payload: Path, environment: Mapping[str, str], call: Run) -> None:
    if not _is_pbs(environment):
        call(["scontrol", "requeue", _job(environment)])
        return
    script = Path(environment["HYPEROPT_SCRIPT"])
    # By its name alone: some versions of qsub split a path at blanks.
    successor = call(["qsub", script.name], script.parent).split()[-1]
    (payload.parent / f"submitted-again-{_job(environment)}").write_text(successor)


def _is_pbs(environment: Mapping[str, str]) -> bool:
    return "HYPEROPT_SCRIPT" in environment


def _job(environment: Mapping[str, str]) -> str:
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    # Not by the task's own number: that of the last task is the array's, and Slurm would take it for all of them.
    by_slurm = f"{array}_{task}" if array and task else environment.get("SLURM_JOB_ID", "")
    return environment.get("HYPEROPT_JOB") or by_slurm


def _note(payload: Path, environment: Mapping[str, str]) -> Path:
    restart = environment.get("SLURM_RESTART_COUNT", "0") or "0"
    return payload.parent / f"{GOES_ON}{_job(environment)}-{restart}"


def _run(words: Sequence[str], folder: Path | None = None) -> str:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=30, check=True).stdout


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
