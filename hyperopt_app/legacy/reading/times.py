# SPDX-License-Identifier: MIT
"""Time limits as batch systems write them, and as YAML 1.1 mangles them; pure."""

import re
from typing import Any

__all__ = ["pbs_seconds", "slurm_seconds", "walltime_text"]

_UNITS_S = (1, 60, 3600, 86400)
_CLOCK = re.compile(r"\d+(:\d{1,2}){0,3}")


def slurm_seconds(value: Any) -> int | None:
    """Seconds of a value of sbatch's `--time`; None if it is none.

    Slurm reads `30` as minutes, `30:00` as minutes and seconds, `1-12` as days and hours. A bare 12:00:00, which YAML
    makes a number of seconds, counts as what was written.
    """
    text = _text(value)
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
    """Seconds of a value of `walltime=`; None if it is none. PBS reads a bare number as seconds."""
    text = _text(value)
    if "-" in text:
        return slurm_seconds(text)
    return _clock_seconds(text) if _CLOCK.fullmatch(text) else None


def walltime_text(seconds: int) -> str:
    """`HH:MM:SS`, with as many hours as there are."""
    hours, rest = divmod(seconds, 3600)
    return f"{hours:02}:{rest // 60:02}:{rest % 60:02}"


def _text(value: Any) -> str:
    return "" if isinstance(value, bool) else str(getattr(value, "text", value)).strip()


def _clock_seconds(text: str) -> int:
    return sum(int(part) * unit for part, unit in zip(reversed(text.split(":")), _UNITS_S, strict=False))
