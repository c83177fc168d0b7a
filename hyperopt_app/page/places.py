# SPDX-License-Identifier: MIT
"""Write links from a report to the directories and logs of the trials, so that they work in a copied study too."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from hyperopt_app.study.records.trial_records import directory_of, holder_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["log_name", "trial_links"]

# Trials whose directories are looked at for a log: a look into each of thousands would take minutes on a cluster.
_MOST_LOOKS = 20


def trial_links(trials: Sequence["FrozenTrial"], study_dir: Path, folder: Path) -> list[str]:
    """Return for each trial the URL of its directory as seen from the page; empty for a trial without one.

    The URL is relative if the directory lies in the study's own, wherever the study was when the trial ran.

    Args:
        trials: Of one study.
        study_dir: The study's directory now.
        folder: Where the page will be.
    """
    here, page = Path(os.path.abspath(study_dir)), os.path.abspath(folder)  # noqa: PTH100 - links stay as users see them
    way_up = _as_url(Path(os.path.relpath(here, page)))
    links = []
    for trial in trials:
        directory = directory_of(trial)
        inside = None if directory is None else _inside_study(Path(directory), trial, here)
        if inside is not None:
            links.append(f"{way_up}/{_as_url(inside)}/")
        else:
            links.append("" if directory is None else f"file://{_as_url(Path(directory))}/")
    return links


def log_name(trials: Sequence["FrozenTrial"], study_dir: Path) -> str:
    """Return the name of the log in the trials' directories, which Hydra names after the program; empty if unknown."""
    looks = 0
    for trial in reversed(trials):
        for directory in _present_directories(trial, study_dir):
            looks += 1
            names = sorted(path.name for path in directory.glob("*.log"))
            if names:
                return names[0]
        if looks >= _MOST_LOOKS:
            break
    return ""


def _present_directories(trial: "FrozenTrial", study_dir: Path) -> Iterator[Path]:
    directory = directory_of(trial)
    if directory is not None:
        inside = _inside_study(Path(directory), trial, Path(os.path.abspath(study_dir)))  # noqa: PTH100
        yield Path(directory) if inside is None else study_dir / inside


def _inside_study(directory: Path, trial: "FrozenTrial", study_dir: Path) -> Path | None:
    """Return a trial's directory as seen from the study's; None if it lies elsewhere."""
    beat = str(holder_of(trial).get("beat", ""))
    then = [Path(beat).parent.parent] if beat else []
    for home in (study_dir, *then):
        if directory.is_relative_to(home) and directory != home:
            return directory.relative_to(home)
    return None


def _as_url(path: Path) -> str:
    return quote(path.as_posix(), safe="/", errors="surrogateescape")
