# SPDX-License-Identifier: MIT
"""Launch workers as jobs of a scheduler: attach to the jobs that a study already has, or submit new ones.

Runs in the driver.
"""

import logging
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig

from hyperopt_app.errors import ConfigError, SubmissionError, WorkersCancelledError, WorkersEndedError
from hyperopt_app.hydra_compat import configure_log
from hyperopt_app.launchers.jobs import (
    cancelled_by_user,
    follow,
    is_last_launch,
    jobs_counted,
    known_jobs,
    last_place,
    last_words,
    new_place,
    remember_jobs,
)
from hyperopt_app.launchers.payload import is_of_this_release, write_payload
from hyperopt_app.launchers.resubmission import near_limit_s
from hyperopt_app.schedulers.registry import SCHEDULERS, Scheduler
from hyperopt_app.schedulers.script import Batch
from hyperopt_app.study.plan import Plan
from hyperopt_app.support.lock_file import HolderLock
from hyperopt_app.support.wording import Wording

__all__ = ["batches", "frozen_settings", "launch", "plan_of", "prepare", "scripts", "submit_all"]

_log = logging.getLogger(__name__)


def plan_of(task_function: Callable[[Any], Any], launcher: str, instead: str) -> Plan:
    """Return the plan of the sweep whose workers the launcher runs.

    Raises:
        ConfigError: The task is not that of our sweeper.
    """
    plan = getattr(task_function, "plan", None)
    if not isinstance(plan, Plan):
        raise ConfigError(
            [f"hydra/launcher: {launcher} carries the workers of hydra/sweeper=async_optuna; use {instead}"]
        )
    return plan


def prepare(context: HydraContext, config: DictConfig) -> None:
    """Set up Hydra's resolvers and the driver's log, as every launcher does first."""
    setup_globals()
    configure_log(config.hydra.hydra_logging, config.hydra.verbose, context)


def launch(
    context: HydraContext,
    config: DictConfig,
    task_function: Callable[[Any], Any],
    job_overrides: Sequence[Sequence[str]],
    settings: Mapping[str, Any],
    scheduler: str,
) -> list[JobReturn]:
    """Attach to live jobs of the last launch, or submit the workers of a sweep if there are none.

    Args:
        context: Hydra's context.
        config: The composed config of the sweep.
        task_function: The sweep's task, with its plan.
        job_overrides: Those of each worker's job.
        settings: The launcher's fields as plain data; with `detach` it is said how to look and come back, instead of
            following the jobs.
        scheduler: The name of the scheduler.

    Returns:
        Nothing, or one failure: that the user has cancelled the jobs, or else the last words of workers that have
        left before the study's end.

    Raises:
        ConfigError: A value cannot be passed to the scheduler.
        SubmissionError: The scheduler is not there, or refuses.
        KeyboardInterrupt: The user pressed Ctrl-C; what happens to the jobs was asked.
    """
    row = SCHEDULERS[scheduler]
    plan = plan_of(task_function, row.launcher, row.stock_launcher)
    prepare(context, config)
    # Of two commands given at once the second attaches to the jobs of the first.
    with HolderLock(plan.study_dir / ".launch"):
        jobs = _of_this_release(plan.study_dir, known_jobs(plan.study_dir, row.name))
        is_new = not jobs
        if is_new:
            jobs = _submit(row, context, config, task_function, job_overrides, settings)
    if not is_new:
        words = " ".join([*row.cancel, *jobs])
        _log.info("Workers of this study are there already: %s", ", ".join(jobs))
        _log.info("They go by the settings with which they were submitted; for others, end them first: %s", words)
    if settings["detach"]:
        _log.info("%s", _detached_message(plan.study_dir, jobs, row.cancel))
        return []
    roster = follow(plan, jobs, row.cancel, row.name)
    if cancelled := cancelled_by_user(plan, roster, row.name, row.logs(settings)):
        with HolderLock(plan.study_dir / ".launch"):
            # The user may have given the command anew meanwhile, elsewhere: then its jobs are these workers' heirs.
            if not is_last_launch(plan.study_dir, jobs):
                return []
        return [JobReturn(status=JobStatus.FAILED, _return_value=WorkersCancelledError(cancelled))]
    words = last_words(plan, row.logs(settings))
    return [JobReturn(status=JobStatus.FAILED, _return_value=WorkersEndedError(words))] if words else []


def _of_this_release(study_dir: Path, jobs: list[str]) -> list[str]:
    """Return the jobs of the last launch; none if an upgrade made them unusable while they waited in the queue."""
    place = last_place(study_dir)
    if not jobs or place is None or is_of_this_release(place / "payload.pkl"):
        return jobs
    _log.warning(
        "Jobs %s were submitted by another release of hyperopt_app; those that still wait will end without taking a "
        "trial, so workers of this release are submitted too.",
        ", ".join(jobs),
    )
    return []


def _detached_message(study_dir: Path, jobs: Sequence[str], cancel: Sequence[str]) -> str:
    """Return the final message for the user of a detached sweep."""
    place = shlex.quote(str(study_dir))
    return (
        f"Jobs {', '.join(jobs)}. Look with: hyperopt-app status {place}; stop with: hyperopt-app stop {place}, or "
        f"{' '.join([*cancel, *jobs])}; the same command attaches again."
    )


def _submit(
    scheduler: Scheduler,
    context: HydraContext,
    config: DictConfig,
    task_function: Any,
    job_overrides: Sequence[Sequence[str]],
    settings: Mapping[str, Any],
) -> list[str]:
    study_dir, workers = task_function.plan.study_dir, len(job_overrides)
    place = new_place(study_dir)
    # The scripts are made first: an error in the header is reported before anything is written.
    prepared = batches(scheduler, settings, place / "payload.pkl", workers)
    plan = task_function.plan
    frozen = frozen_settings(scheduler, settings) | {"deadline": plan.limits.deadline, "workers": workers}
    write_payload(place, context, config, task_function, job_overrides, frozen)
    jobs = submit_all(scheduler, study_dir, prepared, plan.wording)
    _log.info("Submitted %d worker(s) in %d job(s): %s", workers, jobs_counted(study_dir), ", ".join(jobs))
    return jobs


def frozen_settings(scheduler: Scheduler, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the payload of a launch says of it besides what the workers run.

    Args:
        scheduler: Whose jobs they are.
        settings: The launcher's fields as plain data.
    """
    return {
        "scheduler": scheduler.name,
        "sharing": vars(scheduler.sharing(settings)),
        "max_resubmissions": settings["max_resubmissions"],
        "near_limit_s": near_limit_s(scheduler.limit_s(settings), float(settings["grace_s"])),
        # Further workers run with the Python of the first ones, whoever submits them.
        "launcher": {**settings, "python": settings.get("python") or shlex.quote(sys.executable)},
    }


def submit_all(
    scheduler: Scheduler, study_dir: Path, batches: Sequence[Batch], wording: Wording, there: Sequence[str] = ()
) -> list[str]:
    """Submit the batches of a launch, and remember their jobs beside the study as they come.

    Args:
        scheduler: Whose jobs they are.
        study_dir: The study's directory.
        batches: The launch.
        wording: How the command that the user typed names its settings.
        there: Jobs of earlier launches that still wait or run, which the study keeps.

    Returns:
        The numbers of the new jobs; fewer if the scheduler has refused some, which is logged.

    Raises:
        SubmissionError: It has refused all.
    """
    jobs, count = list[str](), 0
    before = jobs_counted(study_dir) if there else 0
    for batch in batches:
        try:
            jobs.append(batch.submit(wording))
        except SubmissionError:
            if not jobs:
                raise
            total = sum(batch.jobs for batch in batches)
            refused = f"{total - count} of {total} jobs"
            _log.warning("%s refused %s; the study goes on with the others", scheduler.submit_program, refused)
            break
        count += batch.jobs
        remember_jobs(study_dir, scheduler.name, [*there, *jobs], before + count)
    return jobs


def batches(
    scheduler: Scheduler, settings: Mapping[str, Any], payload: Path, workers: int, largest: int | None = None
) -> list[Batch]:
    """Return the submissions that make so many workers; nothing is submitted yet.

    Args:
        scheduler: Whose jobs they are.
        settings: The launcher's fields as plain data.
        payload: What they run.
        workers: How many; whole jobs are submitted.
        largest: How many jobs a submission may make; by default the scheduler is asked.

    Raises:
        ConfigError: A value cannot be passed to the scheduler.
    """
    most = scheduler.largest_batch() if largest is None else largest
    count = -(-workers // scheduler.sharing(settings).workers_per_job())
    return [scheduler.batch(settings, payload, first, min(most, count - first)) for first in range(0, count, most)]


def scripts(scheduler: str, settings: Mapping[str, Any], payload: Path, workers: int) -> str:
    """Return the exact scripts that would be submitted for so many workers, without asking the scheduler.

    Raises:
        ConfigError: A value cannot be passed to the scheduler.
    """
    row = SCHEDULERS[scheduler]
    return "\n".join(batch.text for batch in batches(row, settings, payload, workers, row.default_batch))
