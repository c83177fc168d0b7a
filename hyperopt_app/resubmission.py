# SPDX-License-Identifier: MIT
"""A job that has ended before the budget puts itself back into the queue, a bounded number of times.

A worker that was told to end, or has no time for another trial, leaves a note. After the workers the job's script asks
here: the job still runs in the scheduler's eyes (nobody has cancelled it), and it has not come back too often.
Requeuing keeps the job's number. Where nodes may not do that, the attached driver launches again.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hyperopt_app.frozen import thaw

__all__ = ["after_job", "note_end"]

Run = Callable[[Sequence[str]], str]


def note_end(payload: Path, environment: Mapping[str, str]) -> None:
    """Leave word that this job's worker ended before the budget. Runs in a worker."""
    job = _job(environment)
    if job:
        _note(payload, environment).touch()


def after_job(payload: Path, environment: Mapping[str, str], run: Run | None = None) -> int:
    """Put the job back into the queue if that is wanted. Runs in the job's script, after the workers.

    Returns:
        The exit status for the script, always 0: the workers' own status is what counts.
    """
    call = run or _run
    note, job = _note(payload, environment), _job(environment)
    if not job or not note.exists():
        return 0
    note.unlink()
    most = int(thaw(payload)["settings"]["max_resubmissions"])
    so_far = payload.parent / f"resubmissions-{job}"
    count = int(so_far.read_text()) if so_far.exists() else 0
    try:
        state = call(["squeue", "--noheader", "--jobs", job, "--format", "%T"]).strip()
        if state != "RUNNING":
            _say(f"job {job} is not put back into the queue: its state is {state or 'unknown'}")
        elif count >= most:
            _say(f"job {job} is not put back into the queue: max_resubmissions={most}; the same command goes on")
        else:
            so_far.write_text(str(count + 1))
            _say(f"job {job} goes back into the queue, for the {count + 1}. time of at most {most}")
            call(["scontrol", "requeue", job])
    except (OSError, subprocess.SubprocessError) as error:
        _say(f"job {job} could not be put back into the queue ({error}); the same command goes on")
    return 0


def _job(environment: Mapping[str, str]) -> str:
    return environment.get("SLURM_JOB_ID", "")


def _note(payload: Path, environment: Mapping[str, str]) -> Path:
    restart = environment.get("SLURM_RESTART_COUNT", "0") or "0"
    return payload.parent / f"goes-on-{_job(environment)}-{restart}"


def _run(words: Sequence[str]) -> str:
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
