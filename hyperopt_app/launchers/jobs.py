# SPDX-License-Identifier: MIT
"""Store which jobs a launch submitted, wait until they have ended, and say whether the user cancelled them."""

import contextlib
import glob
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from hyperopt_app.budget.counting import budget_size, left_of, read_budget
from hyperopt_app.errors import SubmissionError
from hyperopt_app.schedulers.registry import SCHEDULERS, AsksForJobs
from hyperopt_app.schedulers.roster import CANCELLED, JobState, Roster, names_of
from hyperopt_app.study.heartbeat import read_beats
from hyperopt_app.study.opening import open_study
from hyperopt_app.study.plan import Plan
from hyperopt_app.study.stopping import read_stop
from hyperopt_app.study.trial_facts import is_parked
from hyperopt_app.support.files import replacing

__all__ = [
    "AGAIN",
    "ASKED_EARLY",
    "GOES_ON",
    "WAS_ASKED",
    "cancelled_by_user",
    "follow",
    "is_last_launch",
    "jobs_counted",
    "known_jobs",
    "last_place",
    "last_words",
    "new_place",
    "remember_jobs",
    "study_of_launch",
]

_log = logging.getLogger(__name__)

_LAUNCHES = "launches"
# A job that has submitted itself again leaves a file of this name, with its successor's number.
AGAIN = "submitted-again-"
# A worker that ended before the budget was spent leaves a file of this name, which says whether it was asked to end.
GOES_ON, WAS_ASKED = "goes-on-", "told to end"  # read by jobs of other releases, so the words stay
# A worker asked to end long before its limit leaves another, where the scheduler does not report how it ended.
ASKED_EARLY = "told-to-end-"
# Looks into accounting, a second apart, until it knows who has cancelled a job.
_LOOKS = 5
_POLL_S = 1.0
# Seconds that workers have to leave by themselves after the last trial.
_LEAVE_S = 30.0
# Of a log: enough for an error of Slurm's and what it came from.
_LAST_LINES = 3


def new_place(study_dir: Path) -> Path:
    """Return the folder for one more launch, without creating it."""
    last = last_place(study_dir)
    return study_dir / _LAUNCHES / ("0" if last is None else str(int(last.name) + 1))


def study_of_launch(place: Path) -> Path:
    """Return the directory of the study to which the folder of a launch belongs."""
    return place.parent.parent


def last_place(study_dir: Path) -> Path | None:
    """Return the folder of the last launch; None if there was none."""
    places = [path for path in (study_dir / _LAUNCHES).glob("[0-9]*") if path.name.isdigit()]
    return max(places, key=lambda path: int(path.name), default=None)


def remember_jobs(study_dir: Path, scheduler: str, jobs: Sequence[str], count: int = 0) -> None:
    """Store the job numbers of the last launch beside the study, and how many jobs they are."""
    path = study_dir / _LAUNCHES / "jobs.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as aside:
        aside.write_text(json.dumps({"scheduler": scheduler, "jobs": list(jobs), "count": count}))


def jobs_counted(study_dir: Path) -> int:
    """Return how many jobs the last launch has submitted, the tasks of an array one by one; 0 if that is not known."""
    return int(_kept(study_dir).get("count") or 0)


def known_jobs(study_dir: Path, scheduler: str) -> list[str]:
    """Return the jobs of the last launch that still wait or run.

    Raises:
        SubmissionError: The scheduler cannot say; workers might be there twice if new ones were submitted.
    """
    kept = _kept(study_dir)
    if kept.get("scheduler") != scheduler:
        return []
    jobs = [*kept["jobs"], *_submitted_again(study_dir)]
    alive = SCHEDULERS[scheduler].queue().alive(jobs)
    if alive is None:
        raise SubmissionError(
            f"Whether jobs {', '.join(jobs)} of this study still run is unknown: "
            f"{SCHEDULERS[scheduler].status_program} does not answer. "
            f"Run the same command again later, or remove {study_dir / _LAUNCHES / 'jobs.json'} if they are gone."
        )
    return sorted(alive)


def is_last_launch(study_dir: Path, jobs: Sequence[str]) -> bool:
    """Whether no other workers were submitted after these jobs."""
    kept = _kept(study_dir)
    return not {*kept.get("jobs", ()), *_submitted_again(study_dir)}.isdisjoint(jobs)


def _kept(study_dir: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((study_dir / _LAUNCHES / "jobs.json").read_text()))
    except (OSError, ValueError):
        return {}


def _submitted_again(study_dir: Path) -> list[str]:
    return [path.read_text().strip() for path in sorted((study_dir / _LAUNCHES).glob(f"*/{AGAIN}*"))]


def follow(
    plan: Plan,
    jobs: Sequence[str],
    cancel: Sequence[str],
    scheduler: str = "slurm",
    queue: AsksForJobs | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Roster:
    """Return when no job is left, or when all trials have ended and the workers have had time to leave.

    What waits in the queue and what is missing is said meanwhile, each change once.

    Args:
        plan: The sweep's plan.
        jobs: Their numbers.
        cancel: The command that cancels jobs, without the numbers.
        scheduler: Its name.
        queue: Asks the scheduler.
        sleep: Waits, seconds.

    Returns:
        The jobs as they were last seen.

    Raises:
        KeyboardInterrupt: Ctrl-C; the jobs are left or cancelled, as the user says.
    """
    roster = Roster(jobs_counted(plan.study_dir))
    if not SCHEDULERS[scheduler].tells_ends:  # so those that are there now are kept in mind
        roster.jobs, roster.last = {job: JobState(job, "waits") for job in jobs}, frozenset(jobs)
    try:
        _wait(plan, jobs, queue or SCHEDULERS[scheduler].queue(), sleep, _QueueFollower(plan, scheduler, roster))
    except KeyboardInterrupt:
        _part([*jobs, *_submitted_again(plan.study_dir)], cancel)
        raise
    return roster


def _wait(
    plan: Plan, jobs: Sequence[str], queue: AsksForJobs, sleep: Callable[[float], None], follower: "_QueueFollower"
) -> None:
    study = open_study(plan)
    done_for_s = 0.0
    while True:
        states = queue.jobs([*jobs, *_submitted_again(plan.study_dir)])
        if states is not None:
            follower.update(states, study)
            if not any(job.phase != "ended" for job in states):
                return
        done_for_s = done_for_s + _POLL_S if _is_over(plan, study) else 0.0
        if done_for_s > _LEAVE_S or (done_for_s > _POLL_S and not any(read_beats(plan.study_dir / "workers"))):
            return
        sleep(_POLL_S)


@dataclass
class _QueueFollower:
    """Processes what the scheduler says of the jobs, and tells the user what matters."""

    plan: Plan
    scheduler: str
    roster: Roster

    def update(self, states: list[JobState], study: Any) -> None:
        for job in () if SCHEDULERS[self.scheduler].keeps_number else list(self.roster.jobs):
            if _left(self.plan, f"{AGAIN}{glob.escape(job)}"):
                del self.roster.jobs[job]  # another is in its place
        for line in self.roster.look(states, _waiting(self.plan, study), time.monotonic()):
            _log.info("%s", line[0].upper() + line[1:])


def _waiting(plan: Plan, study: Any) -> int:
    """Return how many trials of the budget nobody runs, but for parked ones; 0 when no further trial starts."""
    if read_stop(study) is not None:
        return 0
    trials = read_budget(study, plan.n_trials)
    taken = sum(trial.state is not TrialState.WAITING or is_parked(trial) for trial in trials)
    return budget_size(trials, plan.n_trials) - taken


def _left(plan: Plan, pattern: str) -> list[str]:
    """Read the files of this name in the folders of the launches."""
    return [path.read_text() for path in (plan.study_dir / _LAUNCHES).glob(f"*/{pattern}")]


def cancelled_by_user(
    plan: Plan,
    roster: Roster,
    scheduler: str,
    logs: Path,
    queue: AsksForJobs | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Describe that the user cancelled the jobs, which ended the launch; empty if that is not the case.

    Where nobody can say who it was, it counts as the user: to wait for the same command loses nothing, and to submit
    what somebody wants gone would be wrong. Of another user, who must be an administrator, it is said that it was one.

    Args:
        plan: The sweep's plan.
        roster: The jobs when none was left.
        scheduler: Its name.
        logs: The folder of the workers' logs.
        queue: Asks the scheduler.
        sleep: Waits, seconds.
    """
    is_clear = not roster.are_cancelled() and all(job.state for job in roster.jobs.values())
    if is_clear or _is_over(plan, open_study(plan)):
        return ""
    queue = queue or SCHEDULERS[scheduler].queue()
    ends: dict[str, tuple[str, int | None]] = {}
    tells_ends = SCHEDULERS[scheduler].tells_ends
    for look in range(_LOOKS):
        if look:
            sleep(1.0)
        # Of jobs cancelled together some may have gone before the last look at the queue.
        asked = sorted(roster.last | {job for job, last_seen in roster.jobs.items() if not last_seen.state})
        ends = queue.ends(asked) or {} if tells_ends else _ends_by_files(plan, asked, logs)
        roster.learn({job: state for job, (state, _) in ends.items()})
        if roster.last <= ends.keys() or (not ends and tells_ends):
            break
    jobs = roster.are_cancelled()
    if not jobs:
        return ""
    users = {uid for job in roster.last.intersection(jobs) if (uid := ends.get(job, ("", None))[1]) is not None}
    if others := users - {os.geteuid()}:
        _log.warning("Jobs %s have been cancelled by the user with the number %d.", names_of(jobs), min(others))
        return ""
    return f"{'you have cancelled' if users else 'somebody has cancelled'} the workers' jobs ({names_of(jobs)})"


def _ends_by_files(plan: Plan, jobs: Sequence[str], logs: Path) -> dict[str, tuple[str, int | None]]:
    """Return the deleted jobs, judged by their files: asked to end long before the limit, or never started."""
    return {
        job: (CANCELLED, None)
        for job in jobs
        if _left(plan, f"{ASKED_EARLY}{glob.escape(job)}")
        or WAS_ASKED in _left(plan, f"{GOES_ON}{glob.escape(job)}-*")
        or not any(logs.glob(f"*.{glob.escape(job)}.log"))
    }


def _is_over(plan: Plan, study: Any) -> bool:
    return left_of(read_budget(study, plan.n_trials), plan.n_trials) == 0 or read_stop(study) is not None


def last_words(plan: Plan, logs: Path) -> str:
    """Return the last lines of the workers' newest log, if trials of the budget are left; one line.

    Args:
        plan: The sweep's plan.
        logs: The folder of the workers' logs.
    """
    written = sorted(logs.glob("*.*"), key=lambda path: path.stat().st_mtime)
    outputs = [path for path in written if path.suffix in {".log", ".out", ".err"}]
    if not outputs or _is_over(plan, open_study(plan)):
        return ""
    lines = [line.strip() for line in outputs[-1].read_text(errors="replace").splitlines() if line.strip()]
    return f"{outputs[-1].name} ends with: {' | '.join(lines[-_LAST_LINES:])}" if lines else ""


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
