# SPDX-License-Identifier: MIT
"""Shared parts of the job scripts of all schedulers: shell quoting, checks of values, errors of submission."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperopt_app.errors import SubmissionError
from hyperopt_app.processes.python_start import module_words
from hyperopt_app.support.wording import Wording

__all__ = [
    "Batch",
    "control_characters",
    "grace_faults",
    "not_there",
    "python_words",
    "refused",
    "submitted",
    "worker_command",
]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Batch:
    """Jobs created by one call of the scheduler's submit command: an array, or a single job.

    Attributes:
        text: The exact script.
        jobs: How many jobs it makes; the tasks of an array are counted one by one.
        submit: Submits them and returns the number that the scheduler has given; raises SubmissionError in the words of
            the command that the user typed.
    """

    text: str
    jobs: int
    submit: Callable[[Wording], str]


def control_characters(values: Mapping[str, Any]) -> list[str]:
    """Find values that cannot stand in one line of a script's header."""
    faults = []
    for name, value in values.items():
        words = value if isinstance(value, list) else [value]
        if any(isinstance(word, str) and _CONTROL.search(word) for word in words):
            faults.append(f"hydra.launcher.{name}: {value!r} has a line end or another control character; remove it")
    return faults


def grace_faults(settings: Mapping[str, Any], limit_s: float, limit: str) -> list[str]:
    """Find a grace time longer than half of a job's time limit.

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
    """Return the Python program that runs workers, quoted for a shell."""
    own = settings.get("python")
    return shlex.join(shlex.split(str(own))) if own else shlex.quote(sys.executable)


def worker_command(python: str, payload: Path, *options: str) -> str:
    """Return the shell command of one task's workers, or with `--after-job` of the step after them."""
    words = shlex.join(["-u", *module_words("hyperopt_app.worker_process")])
    return " ".join([python, words, *options, shlex.quote(str(payload))])


def submitted(
    words: Sequence[str], scheduler: str, wording: Wording, *, folder: Path | None = None, script: str | None = None
) -> str:
    """Run a submit command and return what it has written.

    Args:
        words: The command.
        scheduler: The scheduler's name, for messages.
        wording: How the command that the user typed names its settings.
        folder: Where it runs.
        script: What it reads from its standard input.

    Raises:
        SubmissionError: It is not installed, or has refused.
    """
    try:
        done = subprocess.run(words, cwd=folder, input=script, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise not_there(words[0], scheduler, wording) from error
    except (OSError, subprocess.CalledProcessError) as error:
        reason = " ".join(str(getattr(error, "stderr", "") or error).split())
        raise refused(words[0], reason, wording) from error
    return done.stdout


def not_there(program: str, scheduler: str, wording: Wording) -> SubmissionError:
    """Return the error for a machine without the scheduler's submit command."""
    where = f"run this on a machine with {scheduler}{wording.without_scheduler}"
    return SubmissionError(f"{wording.launcher}: {program} not found; {where}")


def refused(program: str, reason: str, wording: Wording) -> SubmissionError:
    """Return the error for a submission that the scheduler refused."""
    return SubmissionError(
        f"{program} refused the workers: {reason}\n"
        f"Fix this and run the same command again{wording.without_scheduler}; the study is unchanged."
    )
