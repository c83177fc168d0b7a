# SPDX-License-Identifier: MIT
"""Leave in a trial's directory why one of its ranks has failed, before anything else happens.

A framework answers the end of a rank with SIGKILL for all others, rank zero included, so nothing else would tell the
worker. The first reason counts: what the other ranks meet afterwards follows from it.
"""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from hyperopt_app.support.files import beside

__all__ = ["NODE_LOST", "Reason", "forget_reason", "leave_reason", "reason_of"]

_NAME = ".failed_rank.json"

# The kind of a reason that is none of the trial's: a node that is gone. The trial goes back, and its worker ends.
NODE_LOST = "node lost"


@dataclass(frozen=True)
class Reason:
    """Why a rank has ended.

    Attributes:
        rank: Which.
        kind: One of `objective.failure_kinds.KINDS`; empty if only the exit status is known.
        error: Type and text of its exception, one line.
        traceback: The whole traceback; may be empty.
        exit_code: Exit status of its process, negative for a signal; None if it is unknown, or does not matter.
        is_fault: Whether it is what the user has to correct before any trial can succeed.
    """

    rank: int
    kind: str = ""
    error: str = ""
    traceback: str = ""
    exit_code: int | None = None
    is_fault: bool = False


def leave_reason(directory: Path, reason: Reason) -> None:
    """Write a reason, unless there is one already or nothing can be written."""
    path = directory / _NAME
    with contextlib.suppress(OSError), beside(path) as aside:
        aside.write_text(json.dumps(asdict(reason)), encoding="utf-8")
        os.link(aside, path)


def reason_of(directory: Path) -> Reason | None:
    """Return the reason that a rank has left; None if there is none."""
    try:
        return Reason(**json.loads((directory / _NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def forget_reason(directory: Path) -> None:
    """Remove what an earlier attempt has left."""
    with contextlib.suppress(OSError):
        (directory / _NAME).unlink()
