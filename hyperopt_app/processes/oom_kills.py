# SPDX-License-Identifier: MIT
"""Ask the kernel how many processes of this machine it has killed for lack of memory."""

from pathlib import Path

__all__ = ["has_killed_since", "oom_kills"]


def oom_kills() -> int | None:
    """Return how many processes the kernel has killed since the machine started; None if it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def has_killed_since(before: int | None) -> bool | None:
    """Return whether the kernel has killed a process since a count was taken; None if unknown.

    Args:
        before: What `oom_kills` returned then.
    """
    now = oom_kills()
    return None if before is None or now is None else now > before
