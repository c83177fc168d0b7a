# SPDX-License-Identifier: MIT
"""Match checkpoints to the fits of a trial, and record which fits have finished.

A trial may train several times (folds, seeds). A fit with a name has its own checkpoint file. Fits without a name
share `last.ckpt` and are identified by their order in the trial. A finished fit leaves `.last.ckpt.finished` beside
its checkpoint, which names the process that wrote it. This module depends on no framework.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.support.files import replacing

if TYPE_CHECKING:
    from hyperopt_app.objective.trial import Trial

__all__ = ["begin", "begun", "checkpoint_name", "is_finished", "keep_finished", "paths_begun", "take_back"]

# Of this process, without a trial: the checkpoint paths and how many fits have begun with them.
_ALONE: Counter[Path] = Counter()


def checkpoint_name(fit: str | None) -> str:
    """Return `last.ckpt`, or the name for a named fit.

    Raises:
        ValueError: The name cannot be a part of a file's name.
    """
    if fit is None:
        return "last.ckpt"
    if not re.fullmatch(r"[\w.-]+", str(fit)):
        raise ValueError(f"fit={fit!r}: it becomes a part of a file's name; use letters, digits, '_', '-' and '.'")
    return f"last-{fit}.ckpt"


def begin(trial: "Trial | None", path: Path) -> int:
    """Register that a fit begins with this checkpoint path; return its number among those, from 1."""
    return _counts(trial, path, 1)[path]


def begun(trial: "Trial | None", path: Path) -> int:
    """Return how many fits of this trial began with this checkpoint path, in this attempt."""
    return _counts(trial, path)[path]


def take_back(trial: "Trial | None", path: Path) -> None:
    """Unregister a fit that an error interrupted, since it may be tried again in this process."""
    _counts(trial, path, -1)


def paths_begun(trial: "Trial") -> list[Path]:
    """Return the checkpoint paths of the trial's fits so far."""
    return list(_counts(trial, trial.checkpoint))


def _counts(trial: "Trial | None", path: Path, more: int = 0) -> dict[Path, int]:
    """Count a path, and return all; a trial counts for all its ranks, since a fit may run in a process of its own."""
    if trial is not None:
        return {Path(key): number for key, number in trial.count(str(path), more).items()}
    _ALONE[path] += more
    return dict(_ALONE)


def keep_finished(path: Path, run: str) -> None:
    """Record that the fit that wrote this checkpoint has finished.

    Args:
        path: The checkpoint.
        run: What tells this fit from others, also from the same one begun anew.
    """
    mark = _mark(path)
    with replacing(mark) as aside:
        aside.write_text(json.dumps({"run": run, **_looks(path)}), encoding="utf-8")


def is_finished(path: Path, run: str | None) -> bool:
    """Whether the checkpoint belongs to a finished fit.

    Args:
        path: The checkpoint.
        run: What stands in it; None if it cannot be read, then size and time of the file must do.
    """
    try:
        record = json.loads(_mark(path).read_text(encoding="utf-8"))
        if run is not None:
            return bool(record["run"] == run)
        return bool(record == {"run": record["run"], **_looks(path)})
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _looks(path: Path) -> dict[str, int]:
    status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _mark(path: Path) -> Path:
    return path.with_name(f".{path.name}.finished")
