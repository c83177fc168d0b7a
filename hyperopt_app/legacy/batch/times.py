# SPDX-License-Identifier: MIT
"""Parse the time limits of batch systems, including those that YAML 1.1 turned into numbers.

Also computes how long a worker started by hand may run: the option -w, otherwise the time limit of the batch block.
"""

import re
from collections.abc import Mapping
from typing import Any

from hyperopt_app.errors import ConfigError
from hyperopt_app.legacy.reading.pair import Pair
from hyperopt_app.schedulers.time_left import end_of_job

__all__ = ["end_of_worker", "option_seconds", "pbs_seconds", "seconds_of_pair", "slurm_seconds", "walltime_text"]

_UNITS_S = (1, 60, 3600, 86400)
_CLOCK = re.compile(r"\d+(:\d{1,2}){0,3}")


def slurm_seconds(value: Any) -> int | None:
    """Convert a value of sbatch's `--time` to seconds; None if it is not a time.

    Slurm reads `30` as minutes, `30:00` as minutes and seconds, `1-12` as days and hours. A bare 12:00:00, which YAML
    makes a number of seconds, counts as what was written.
    """
    text = _time_text(value)
    days, dash, rest = text.partition("-")
    if dash:
        parts = rest.split(":")
        if not (days.isdigit() and len(parts) <= 3 and all(part.isdigit() for part in parts)):
            return None
        return int(days) * 86400 + sum(int(part) * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    if not _CLOCK.fullmatch(text):
        return None
    return int(text) * 60 if text.isdigit() else _clock_seconds(text)


def pbs_seconds(value: Any) -> int | None:
    """Convert a value of `walltime=` to seconds; None if it is not a time. PBS reads a bare number as seconds."""
    text = _time_text(value)
    if "-" in text:
        return slurm_seconds(text)
    return _clock_seconds(text) if _CLOCK.fullmatch(text) else None


def walltime_text(seconds: int) -> str:
    """Format seconds as `HH:MM:SS`, with as many hours as needed."""
    hours, rest = divmod(seconds, 3600)
    return f"{hours:02}:{rest // 60:02}:{rest % 60:02}"


def _time_text(value: Any) -> str:
    return "" if isinstance(value, bool) else str(getattr(value, "text", value)).strip()


def _clock_seconds(text: str) -> int:
    return sum(int(part) * unit for part, unit in zip(reversed(text.split(":")), _UNITS_S, strict=False))


_CLEAR = re.compile(r"(\d+-)?\d+:\d{2}:\d{2}")


def option_seconds(text: str) -> int:
    """Convert the option -w to seconds.

    Raises:
        ConfigError: It is not a time, or one that Slurm and others read differently.
    """
    seconds = slurm_seconds(text)
    if seconds is not None and _CLEAR.fullmatch(text.strip()):
        return seconds
    if seconds is None:
        raise ConfigError([f"-w: {text!r} is not a time; write HH:MM:SS, or D-HH:MM:SS"])
    other = _other_reading(text.strip())
    readings = (
        walltime_text(seconds) if other in (None, seconds) else f"{walltime_text(seconds)}, as Slurm reads it, or"
    )
    readings += "" if other in (None, seconds) else f" {walltime_text(other or 0)}"
    raise ConfigError([f"-w: {text!r} may mean {readings}; write HH:MM:SS, or D-HH:MM:SS"])


def _other_reading(text: str) -> int | None:
    """Suggest what the user may have meant: hours and minutes, or with PBS a bare number as seconds."""
    hours, colon, minutes = text.partition(":")
    if colon and hours.isdigit() and minutes.isdigit():
        return int(hours) * 3600 + int(minutes) * 60
    return pbs_seconds(text)


def seconds_of_pair(pair: Pair) -> float:
    """Return the time limit of the batch block, else twelve hours, as in the original."""
    for launcher in pair.launchers:
        if minutes := launcher.settings.get("timeout_min"):
            return 60.0 * float(minutes)
        if seconds := slurm_seconds(launcher.settings.get("walltime", "")):
            return float(seconds)
    return 12 * 3600.0


def end_of_worker(seconds: float, now: float, environment: Mapping[str, str]) -> int:
    """Return when the worker's time ends, in seconds since the epoch: its own limit or its job's, if sooner."""
    job = end_of_job(environment)
    return int(now + seconds if job is None else min(now + seconds, job))
