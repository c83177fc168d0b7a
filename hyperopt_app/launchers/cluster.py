# SPDX-License-Identifier: MIT
"""What the launchers of a cluster's scheduler have in common: attach to a sweep's jobs, or submit new ones."""

import logging
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig

from hyperopt_app.errors import ConfigError, WorkersCancelledError, WorkersEndedError
from hyperopt_app.hydra_compat import configure_log
from hyperopt_app.launchers.jobs import (
    cancelled_by_user,
    follow,
    is_last_launch,
    known_jobs,
    last_place,
    last_words,
)
from hyperopt_app.launchers.payload import is_of_this_release
from hyperopt_app.processes.python_start import module_words
from hyperopt_app.study.plan import Plan
from hyperopt_app.support.lock_file import HolderLock

__all__ = [
    "attach_or_submit",
    "control_characters",
    "farewell",
    "grace_faults",
    "plan_of",
    "prepare",
    "python_words",
    "worker_command",
]

_log = logging.getLogger(__name__)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def plan_of(task_function: Callable[[Any], Any], launcher: str, instead: str) -> Plan:
    """The plan of the sweep whose workers a launcher got.

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
    """Set Hydra's resolvers and the driver's log up, as each launcher does first."""
    setup_globals()
    configure_log(config.hydra.hydra_logging, config.hydra.verbose, context)


def attach_or_submit(
    plan: Plan, scheduler: str, cancel: Sequence[str], submit: Callable[[], list[str]], *, logs: Path, detach: bool
) -> list[JobReturn]:
    """Attach to the jobs of the last launch that still wait or run; without any, submit new ones.

    Args:
        plan: The sweep's plan.
        scheduler: `slurm` or `pbs`.
        cancel: The command that cancels jobs, without the numbers.
        submit: Submits the workers and returns the numbers of their jobs.
        logs: The folder of the workers' logs.
        detach: Say how to look and come back, instead of following the jobs.

    Returns:
        Nothing, or one failure: that the user has cancelled the jobs, or else the last words of workers that have
        left before the study's end.

    Raises:
        ConfigError: A value cannot be passed to the scheduler.
        SubmissionError: The scheduler is not there, or refuses.
        KeyboardInterrupt: The user pressed Ctrl-C; what happens to the jobs was asked.
    """
    # Of two commands given at once the second attaches to the jobs of the first.
    with HolderLock(plan.study_dir / ".launch"):
        jobs = _of_this_release(plan.study_dir, known_jobs(plan.study_dir, scheduler))
        is_new = not jobs
        if is_new:
            jobs = submit()
    if not is_new:
        words = " ".join([*cancel, *jobs])
        _log.info("Workers of this study are there already: %s", ", ".join(jobs))
        _log.info("They go by the settings with which they were submitted; for others, end them first: %s", words)
    if detach:
        _log.info("%s", farewell(plan.study_dir, jobs, cancel))
        return []
    roster = follow(plan, jobs, cancel, scheduler)
    if cancelled := cancelled_by_user(plan, roster, scheduler, logs):
        with HolderLock(plan.study_dir / ".launch"):
            # The user may have given the command anew meanwhile, elsewhere: then its jobs are these workers' heirs.
            if not is_last_launch(plan.study_dir, jobs):
                return []
        return [JobReturn(status=JobStatus.FAILED, _return_value=WorkersCancelledError(cancelled))]
    words = last_words(plan, logs)
    return [JobReturn(status=JobStatus.FAILED, _return_value=WorkersEndedError(words))] if words else []


def _of_this_release(study_dir: Path, jobs: list[str]) -> list[str]:
    """The jobs of the last launch, or none if they cannot work: an upgrade came while they waited in the queue."""
    place = last_place(study_dir)
    if not jobs or place is None or is_of_this_release(place / "payload.pkl"):
        return jobs
    _log.warning(
        "Jobs %s were submitted by another release of hyperopt_app; those that still wait will end without taking a "
        "trial, so workers of this release are submitted too.",
        ", ".join(jobs),
    )
    return []


def farewell(study_dir: Path, jobs: Sequence[str], cancel: Sequence[str]) -> str:
    """What the user of a detached sweep reads last."""
    place = shlex.quote(str(study_dir))
    return (
        f"Jobs {', '.join(jobs)}. Look with: hyperopt-app status {place}; stop with: hyperopt-app stop {place}, or "
        f"{' '.join([*cancel, *jobs])}; the same command attaches again."
    )


def control_characters(values: Mapping[str, Any]) -> list[str]:
    """Faults of values that cannot stand in one line of a script's header; pure."""
    faults = []
    for name, value in values.items():
        words = value if isinstance(value, list) else [value]
        if any(isinstance(word, str) and _CONTROL.search(word) for word in words):
            faults.append(f"hydra.launcher.{name}: {value!r} has a line end or another control character; remove it")
    return faults


def grace_faults(settings: Mapping[str, Any], limit_s: float, limit: str) -> list[str]:
    """What is wrong if a job is told to end before it has worked for as long as it may take to end; pure.

    Args:
        settings: The launcher's fields.
        limit_s: The time limit of a job, seconds.
        limit: The field that sets it, as the user would write it.
    """
    grace_s = float(settings.get("grace_s") or 0)
    if grace_s <= limit_s / 2:
        return []
    has = f"the last {grace_s:g} s of a job are kept for its end, and it has {limit_s:g} s ({limit})"
    return [f"hydra.launcher.grace_s: {has}; set at most {limit_s / 2:g}, or a longer limit"]


def python_words(settings: Mapping[str, Any]) -> str:
    """The program that runs workers, quoted for a shell: as words, of which none is a command of the shell's."""
    own = settings.get("python")
    return shlex.join(shlex.split(str(own))) if own else shlex.quote(sys.executable)


def worker_command(python: str, payload: Path, *options: str) -> str:
    """The shell command of the workers of one task, or with `--after-job` of what comes after them."""
    words = shlex.join(["-u", *module_words("hyperopt_app.worker_process")])
    return " ".join([python, words, *options, shlex.quote(str(payload))])
