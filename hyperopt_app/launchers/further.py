# SPDX-License-Identifier: MIT
"""Submit further workers of a study's last launch, with the settings and the config that were frozen for it.

Runs in a command, which needs neither the app that is searched nor its config.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna

from hyperopt_app.budget.counting import budget_of, left_of, read_budget
from hyperopt_app.errors import ConfigError, PayloadError, StudyMismatchError
from hyperopt_app.launchers.by_hand import command
from hyperopt_app.launchers.cluster import batches, frozen_settings, submit_all
from hyperopt_app.launchers.jobs import known_jobs, last_place, new_place
from hyperopt_app.launchers.payload import read_settings, write_again
from hyperopt_app.schedulers.registry import SCHEDULERS
from hyperopt_app.study.stopping import read_stop
from hyperopt_app.support.display_text import counted
from hyperopt_app.support.lock_file import HolderLock
from hyperopt_app.support.wording import HYDRA_WORDING

__all__ = ["submit_further", "submits"]

_PAYLOAD = "payload.pkl"
_IN_ANOTHER_SHELL = (
    "no job of a scheduler works for this study, so there is nothing to submit more of; give the search command "
    "in another shell too, and its workers join those that are there"
)


def submits(study_dir: Path) -> bool:
    """Whether `submit_further` can submit workers of this study, as far as its last launch tells."""
    try:
        return "launcher" in _last_settings(study_dir)[0]
    except (StudyMismatchError, PayloadError):
        return False


def submit_further(study: optuna.Study, study_dir: Path, workers: int, limit_s: int | None = None) -> list[str]:
    """Submit further workers, which join those that are there.

    Args:
        study: The open study.
        study_dir: Its directory.
        workers: How many; no more than trials are left are submitted.
        limit_s: The time limit of their jobs, seconds; None for that of the last launch.

    Returns:
        What was submitted, for people; of workers that are started by hand the command that starts one.

    Raises:
        StudyMismatchError: No trial may start or is left, or no launch of the study can be repeated.
        PayloadError: Another release has submitted the last workers, or another user can have changed what they run.
        ConfigError: The scheduler cannot accept the time limit.
        SubmissionError: The scheduler is not there, or refuses.
    """
    study_dir = study_dir.absolute()
    n_trials = budget_of(study)
    if n_trials is None:
        raise StudyMismatchError(f"No worker was submitted: no search of hyperopt_app has begun {study.study_name!r}.")
    left = left_of(read_budget(study, n_trials), n_trials)
    _check_study(study, left)
    settings, cwd = _last_settings(study_dir)
    _check_settings(settings, limit_s)
    if "launcher" not in settings:
        return [f"Start as many workers as you like, each with: {command(_last_payload(study_dir))}"]
    count = min(workers, left)
    with HolderLock(study_dir / ".launch"), _inside(cwd):
        jobs = _submit(study_dir, settings, {"n_trials": n_trials, "workers": count}, limit_s)
    capped = "" if count == workers else f", as many as trials are left (not {workers})"
    return [f"Submitted {counted(count, 'worker')}{capped}: {', '.join(jobs)}."]


def _submit(study_dir: Path, settings: Mapping[str, Any], own: Mapping[str, Any], limit_s: int | None) -> list[str]:
    scheduler = SCHEDULERS[settings["scheduler"]]
    fields = dict(settings["launcher"])
    if limit_s is not None:
        fields = scheduler.with_limit(fields, limit_s)
    if faults := scheduler.faults(fields):
        raise ConfigError(faults)
    there = known_jobs(study_dir, scheduler.name)
    place = new_place(study_dir)
    prepared = batches(scheduler, fields, place / _PAYLOAD, int(own["workers"]))
    frozen = {
        **settings,
        **frozen_settings(scheduler, fields),
        **own,
        "first_worker": _next_worker(study_dir, settings),
    }
    write_again(_last_payload(study_dir), place, frozen)
    return submit_all(scheduler, study_dir, prepared, HYDRA_WORDING, there)


def _check_study(study: optuna.Study, left: int) -> None:
    stop = read_stop(study)
    if stop is not None and stop.is_hold:
        raise StudyMismatchError("No worker was submitted: the study is held; release it first.")
    if stop is not None:
        raise StudyMismatchError(
            f"No worker was submitted: the study was stopped, since {stop.reason}; the search command goes on with it."
        )
    if left == 0:
        raise StudyMismatchError("No worker was submitted: no trial is left for it; add some with --trials N.")


def _check_settings(settings: Mapping[str, Any], limit_s: int | None) -> None:
    deadline = settings.get("deadline")
    if deadline is not None and time.time() >= deadline:
        raise StudyMismatchError(
            "No worker was submitted: the time of hydra.sweeper.timeout is over; the search command begins another."
        )
    if limit_s is not None and "launcher" not in settings:
        raise StudyMismatchError("--walltime: the study's workers are started by hand, and have no time limit of ours.")


def _last_payload(study_dir: Path) -> Path:
    place = last_place(study_dir)
    if place is None or not (place / _PAYLOAD).exists():
        raise StudyMismatchError(f"{study_dir}: {_IN_ANOTHER_SHELL}.")
    return place / _PAYLOAD


def _last_settings(study_dir: Path) -> tuple[dict[str, Any], Path]:
    """Return what the last launch was made of, and the working directory in which it was made."""
    path = _last_payload(study_dir)
    settings, cwd = read_settings(path)
    if "launcher" not in settings and not settings.get("by_hand"):
        raise PayloadError(
            f"{path} was written by an earlier release of hyperopt_app, which has not noted how to submit more; once "
            "its jobs have ended, the search command submits workers of this release"
        )
    return settings, cwd


def _next_worker(study_dir: Path, settings: Mapping[str, Any]) -> int:
    """Return a number that no worker of an earlier launch has, also of one that still waits in the queue."""
    begun = [int(path.name) for path in (study_dir / "workers").glob("[0-9]*") if path.name.isdigit()]
    planned = int(settings.get("first_worker", 0)) + int(settings.get("workers", 0))
    return max(planned, max(begun, default=-1) + 1)


@contextlib.contextmanager
def _inside(directory: Path) -> Iterator[None]:
    """Be in the directory of the first submission: paths of the launcher's fields may start from there."""
    before = Path.cwd()
    try:
        os.chdir(directory)
    except OSError as error:
        raise StudyMismatchError(
            f"{directory}, where the workers were submitted, cannot be entered: {error.strerror}; run this where it can"
        ) from None
    try:
        yield
    finally:
        os.chdir(before)
