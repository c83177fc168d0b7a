# SPDX-License-Identifier: MIT
"""How long a worker that is started by hand has: the option -w, else what the batch block gives a job; pure."""

import re
from collections.abc import Mapping

from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.reading.pair import Pair
from hyperopt_app.legacy.reading.times import pbs_seconds, slurm_seconds, walltime_text
from hyperopt_app.schedulers.time_left import end_of_job

__all__ = ["end_of_worker", "given_seconds", "seconds_of_pair"]

_CLEAR = re.compile(r"(\d+-)?\d+:\d{2}:\d{2}")


def given_seconds(text: str) -> int:
    """Seconds of the option -w.

    Raises:
        ConfigError: It is no time, or one that Slurm and others read differently.
    """
    seconds = slurm_seconds(text)
    if seconds is not None and _CLEAR.fullmatch(text.strip()):
        return seconds
    if seconds is None:
        raise ConfigError([f"-w: {text!r} is no time; write HH:MM:SS, or D-HH:MM:SS"])
    other = _other_reading(text.strip())
    readings = (
        walltime_text(seconds) if other in (None, seconds) else f"{walltime_text(seconds)}, as Slurm reads it, or"
    )
    readings += "" if other in (None, seconds) else f" {walltime_text(other or 0)}"
    raise ConfigError([f"-w: {text!r} may mean {readings}; write HH:MM:SS, or D-HH:MM:SS"])


def _other_reading(text: str) -> int | None:
    """How a person may have meant it: hours and minutes; a bare number as seconds, with PBS."""
    hours, colon, minutes = text.partition(":")
    if colon and hours.isdigit() and minutes.isdigit():
        return int(hours) * 3600 + int(minutes) * 60
    return pbs_seconds(text)


def seconds_of_pair(pair: Pair) -> float:
    """What the batch block gives a job, else twelve hours, as ever."""
    for launcher in pair.launchers:
        if minutes := launcher.settings.get("timeout_min"):
            return 60.0 * float(minutes)
        if seconds := slurm_seconds(launcher.settings.get("walltime", "")):
            return float(seconds)
    return 12 * 3600.0


def end_of_worker(seconds: float, now: float, environment: Mapping[str, str]) -> int:
    """When the worker's time is over, in seconds since the epoch: with that of the job around it, if that is sooner."""
    job = end_of_job(environment)
    return int(now + seconds if job is None else min(now + seconds, job))
