# SPDX-License-Identifier: MIT
"""Check that the study's directory can be created and written. Runs in the driver, writes nothing.

Result files are written under a temporary name and renamed, and locks are created files. Without this check an
obstacle would show only after the first or the last trial.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from hyperopt_app.schedulers.registry import SCHEDULERS
from hyperopt_app.storage.opening import JOURNAL_NAME
from hyperopt_app.support.display_text import visible
from hyperopt_app.support.files import links_of_others

__all__ = ["folder_faults"]

_FILES = (
    *("best.yaml", "trials.csv", "optimization_results.yaml", "summary.txt"),
    *("multirun.yaml", ".hyperopt_study.json"),
)
_LOCKS = (".study.lock", ".results.lock", f"{JOURNAL_NAME}.lock")
_LONGEST_NAME = 255  # bytes, on all usual filesystems
_LONGEST_PATH = 4095 - 300  # less what lies in a trial's directory
_SHOWN = 60


def folder_faults(directory: Path, *, has_jobs: bool) -> list[str]:
    """Check the directory of a study, and its contents.

    Args:
        directory: Absolute; need not be there.
        has_jobs: Whether the workers are jobs of a scheduler, whose payloads have a folder there.
    """
    if planted := _planted(directory):
        where = f"hydra.sweep.dir: {visible(str(planted[0]))} is a symbolic link of another user"
        return [f"{where}, and nothing is written through it: see who made it, and remove it"]
    fault = _no_path(directory) or _unusable(directory)
    if fault:
        return [f"hydra.sweep.dir: {visible(_cut(str(directory), 4 * _SHOWN))} cannot be made: {fault}; set another"]
    return list(_misplaced(directory, ("workers", "launches") if has_jobs else ("workers",)))


def _planted(directory: Path) -> list[Path]:
    ours = (
        directory / name
        for name in ("launches", "workers", "workers/warnings", *(f"workers/{name}" for name in SCHEDULERS))
    )
    # Of each job submitit leaves such a link, and several users may work on one study.
    return [link for link in links_of_others(directory, *ours) if not link.name.startswith(".submission_file_")]


def _no_path(directory: Path) -> str:
    if "\0" in str(directory):
        return "it holds the character NUL"
    for name in directory.parts:
        if (size := len(os.fsencode(name))) > _LONGEST_NAME:
            return f"the name {_cut(name, _SHOWN)} has {size} bytes, and {_LONGEST_NAME} are allowed"
    size = len(os.fsencode(directory))
    return f"the path has {size} bytes, and {_LONGEST_PATH} are allowed" if size > _LONGEST_PATH else ""


def _unusable(directory: Path) -> str:
    """Say why a directory cannot be created or written; an empty text if it can."""
    nearest = Path("/")
    for place in (*reversed(directory.parents), directory):
        try:
            is_directory = stat.S_ISDIR(place.stat().st_mode)
        except FileNotFoundError:
            if place.is_symlink():
                return f"{place} is a link to {place.readlink()}, which does not exist"
            break
        except PermissionError:
            return f"{place.parent} is not a directory that you may enter"
        except OSError as error:
            return _reason(place, error)
        if not is_directory:
            return f"{place} is not a directory that you may write"
        nearest = place
    if os.access(nearest, os.W_OK | os.X_OK):
        return ""
    return f"{nearest} is not a directory that you may write"


def _reason(place: Path, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return f"{place} is a link that leads back to itself"
    return f"{place}: {error.strerror}"


def _misplaced(directory: Path, folders: tuple[str, ...]) -> Iterator[str]:
    """Report whatever occupies the place of a file or a folder of the study; symbolic links are left to the user."""
    for name in (*_FILES, *_LOCKS):
        mode = _mode(directory / name)
        if mode is not None and not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            taken = f"hydra.sweep.dir: {directory / name} is not a file"
            yield f"{taken}, and the study has a file of that name; move it away"
    for name in folders:
        place = directory / name
        if _mode(place) is not None and not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
            yield (
                f"hydra.sweep.dir: {place} is not a directory that you may write, and the study has a directory of "
                "that name; move it away"
            )


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except OSError:
        return None


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
