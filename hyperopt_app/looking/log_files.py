# SPDX-License-Identifier: MIT
"""Find the logs of a trial and of the workers, and read the ends of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.study.trial_records import directory_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["directory_here", "logs_of_trial", "logs_of_workers", "tail"]

# Of a file's end, in bytes: lines of a log are seldom longer than a few hundred.
_TAIL_BYTES = 64 * 1024


def directory_here(trial: "FrozenTrial", study_dir: Path) -> Path | None:
    """Return the trial's directory as this host sees it; None if it has none, or if it is not there.

    A study that was copied or is mounted elsewhere has its trials at the same places below its own directory.
    """
    stored = directory_of(trial)
    if stored is None:
        return None
    path = Path(stored)
    if path.is_dir():
        return path
    for count in range(1, len(path.parts)):
        below = study_dir.joinpath(*path.parts[count:])
        if below != study_dir and below.is_dir():
            return below
    return None


def logs_of_trial(trial: "FrozenTrial", study_dir: Path) -> list[Path]:
    """Return the log files of a trial, by their names; empty if it has none that this host sees."""
    directory = directory_here(trial, study_dir)
    return [] if directory is None else sorted(path for path in directory.glob("*.log") if path.is_file())


def logs_of_workers(study_dir: Path) -> list[Path]:
    """Return the files with the output of the workers, those of the lowest numbers first."""
    workers = study_dir / "workers"
    files = [path for path in (*workers.glob("*"), *workers.glob("*/*")) if path.suffix in (".log", ".out", ".err")]
    return sorted((path for path in files if path.is_file()), key=lambda path: (len(path.name), path.name))


def tail(path: Path, lines: int) -> Iterator[str]:
    """Yield the last lines of a file, without what controls a terminal; empty if it cannot be read."""
    from hyperopt_app.support.display_text import visible

    try:
        with path.open("rb") as content:
            content.seek(0, 2)
            content.seek(max(content.tell() - _TAIL_BYTES, 0))
            text = content.read().decode("utf-8", errors="backslashreplace")
    except OSError:
        return
    for line in text.splitlines()[-lines:]:
        yield visible(line)
