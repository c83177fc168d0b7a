# SPDX-License-Identifier: MIT
"""The jobs of a study, as an attached driver sees them: which there are, and do they still wait or run?"""

import contextlib
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hyperopt_app.budget.counting import left_of, read_budget
from hyperopt_app.errors import SubmissionError
from hyperopt_app.schedulers.registry import PROGRAMS, QUEUES
from hyperopt_app.study.heartbeat import read_beats
from hyperopt_app.study.opening import open_study
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.stopping import read_stop
from hyperopt_app.support.files import replacing

__all__ = ["follow", "known_jobs", "last_place", "last_words", "new_place", "remember_jobs"]

_log = logging.getLogger(__name__)

_LAUNCHES = "launches"
# A job that has submitted itself again leaves a file of this name, with its successor's number.
_AGAIN = "submitted-again-*"
_POLL_S = 1.0
# Seconds that workers have to leave by themselves after the last trial.
_LEAVE_S = 30.0
# Of a log: enough for an error of Slurm's and what it came from.
_LAST_LINES = 3


def new_place(study_dir: Path) -> Path:
    """A folder for one more launch; not made yet."""
    last = last_place(study_dir)
    return study_dir / _LAUNCHES / ("0" if last is None else str(int(last.name) + 1))


def last_place(study_dir: Path) -> Path | None:
    """The folder of the last launch, None if there was none."""
    places = [path for path in (study_dir / _LAUNCHES).glob("[0-9]*") if path.name.isdigit()]
    return max(places, key=lambda path: int(path.name), default=None)


def remember_jobs(study_dir: Path, scheduler: str, jobs: Sequence[str]) -> None:
    """Keep the numbers of the last launch's jobs beside the study."""
    path = study_dir / _LAUNCHES / "jobs.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as aside:
        aside.write_text(json.dumps({"scheduler": scheduler, "jobs": list(jobs)}))


def known_jobs(study_dir: Path, scheduler: str) -> list[str]:
    """The jobs of the last launch that still wait or run.

    Raises:
        SubmissionError: The scheduler cannot say; workers might be there twice if new ones were submitted.
    """
    try:
        kept = json.loads((study_dir / _LAUNCHES / "jobs.json").read_text())
    except (OSError, ValueError):
        return []
    if kept.get("scheduler") != scheduler:
        return []
    jobs = [*kept["jobs"], *_submitted_again(study_dir)]
    alive = QUEUES[scheduler]().alive(jobs)
    if alive is None:
        raise SubmissionError(
            f"Whether jobs {', '.join(jobs)} of this study still run cannot be told: "
            f"{PROGRAMS[scheduler]} does not answer. "
            f"Give the command again in a while, or remove {study_dir / _LAUNCHES / 'jobs.json'} if they are gone."
        )
    return sorted(alive)


def _submitted_again(study_dir: Path) -> list[str]:
    return [path.read_text().strip() for path in sorted((study_dir / _LAUNCHES).glob(f"*/{_AGAIN}"))]


def follow(
    plan: Plan,
    jobs: Sequence[str],
    cancel: Sequence[str],
    scheduler: str = "slurm",
    alive: Callable[[Sequence[str]], set[str] | None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when no job is left, or when all trials have ended and the workers have had time to leave.

    Args:
        plan: The sweep's plan.
        jobs: Their numbers.
        cancel: The command that cancels jobs, without the numbers.
        scheduler: `slurm` or `pbs`.
        alive: Asks the scheduler; None if it cannot say.
        sleep: Waits, seconds.

    Raises:
        KeyboardInterrupt: Ctrl-C; the jobs are left or cancelled, as the user says.
    """
    ask = alive or QUEUES[scheduler]().alive
    try:
        _wait(plan, jobs, ask, sleep)
    except KeyboardInterrupt:
        _part([*jobs, *_submitted_again(plan.study_dir)], cancel)
        raise


def _wait(
    plan: Plan, jobs: Sequence[str], alive: Callable[[Sequence[str]], set[str] | None], sleep: Callable[[float], None]
) -> None:
    study = open_study(plan)
    done_for_s = 0.0
    while True:
        running = alive([*jobs, *_submitted_again(plan.study_dir)])
        if running is not None and not running:
            return
        done_for_s = done_for_s + _POLL_S if _is_over(plan, study) else 0.0
        if done_for_s > _LEAVE_S or (done_for_s > _POLL_S and not any(read_beats(plan.study_dir / "workers"))):
            return
        sleep(_POLL_S)


def _is_over(plan: Plan, study: Any) -> bool:
    return left_of(read_budget(study, plan.n_trials), plan.n_trials) == 0 or read_stop(study) is not None


def last_words(plan: Plan, logs: Path) -> str:
    """What the newest log of the workers ends with, if they have left trials of the budget behind; one line.

    Args:
        plan: The sweep's plan.
        logs: The folder of the workers' logs.
    """
    written = sorted(logs.glob("*.*"), key=lambda path: path.stat().st_mtime)
    found = [path for path in written if path.suffix in {".log", ".out", ".err"}]
    if not found or _is_over(plan, open_study(plan)):
        return ""
    lines = [line.strip() for line in found[-1].read_text(errors="replace").splitlines() if line.strip()]
    return f"{found[-1].name} ends with: {' | '.join(lines[-_LAST_LINES:])}" if lines else ""


def _part(jobs: Sequence[str], cancel: Sequence[str]) -> None:
    """Ask once what to do with the workers; without a terminal they are left alone."""
    answer = "l"
    if sys.stdin.isatty():
        with contextlib.suppress(EOFError, KeyboardInterrupt):
            answer = input(f"\nJobs {', '.join(jobs)}: [l]eave the workers running, or [c]ancel them? ")
    if not answer.strip().lower().startswith("c"):
        _log.warning(
            "The workers go on without this command (jobs %s); the same command attaches again.", ", ".join(jobs)
        )
        return
    done = subprocess.run([*cancel, *jobs], capture_output=True, text=True, check=False)
    _log.warning("The workers are cancelled%s", f": {done.stderr.strip()}" if done.returncode else ".")
