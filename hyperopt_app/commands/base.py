# SPDX-License-Identifier: MIT
"""What all commands on a study share: their description, the argument that names the study, and how it is opened."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.errors import StudyMismatchError

if TYPE_CHECKING:
    import optuna

    from hyperopt_app.looking.view import View

__all__ = ["Command", "check_directory", "open_study", "read_study_view", "study_argument", "study_path"]

# Where searches put their studies unless hydra.sweep.dir says otherwise.
_STUDIES = Path("studies")


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


@dataclass(frozen=True)
class Command:
    """A command of `hyperopt-app`.

    Attributes:
        run: Does the work and prints.
        text: What it does, for the list of commands.
        example: How one types it, for its own help.
        arguments: Adds its arguments to its parser.
        takes_a_study: Whether its first argument is a study.
    """

    run: Callable[[argparse.Namespace], None]
    text: str
    example: str
    arguments: Callable[[argparse.ArgumentParser], None] = _no_arguments
    takes_a_study: bool = True


def study_argument(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a study."""
    parser.add_argument(
        "study", type=study_path, help="the study's directory, e.g. studies/holodec, or its name below ./studies"
    )
    parser.add_argument("--storage", help="the storage URL; by default that of the last search in that directory")
    parser.add_argument("--name", help="the study's name, if the storage has several")


def study_path(text: str) -> Path:
    """Return the directory that a user means: the path itself, or the study of that name below ./studies."""
    path, below = Path(text), _STUDIES / text
    return below if not _is_directory(path) and _is_directory(below) else path


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long: whoever opens it says so
        return False


def open_study(options: argparse.Namespace, *, reading: bool = False) -> "optuna.Study":
    """Open the study that the options name; creates nothing, and with `reading` writes nothing.

    Raises:
        StudyMismatchError: The study does not exist.
        StorageError: Its storage cannot be used.
    """
    from hyperopt_app.looking.opening import study_in

    check_directory(options.study)
    return study_in(options.study, options.storage, options.name, reading=reading)


def read_study_view(options: argparse.Namespace) -> "View":
    """Read the study that the options name; writes nothing."""
    from hyperopt_app.looking.view import read_view

    return read_view(open_study(options, reading=True), options.study)


def check_directory(study_dir: Path) -> None:
    """Refuse a path that is not a directory, and the save_path of the original, which holds studies in subfolders.

    Raises:
        StudyMismatchError: It is one of these.
    """
    if not study_dir.is_dir():
        raise StudyMismatchError(f"{study_dir}: directory not found; give that of a study, e.g. studies/holodec")
    inner = sorted(str(path.parent) for path in study_dir.glob("studies/*/multirun.yaml"))
    if inner and not (study_dir / "multirun.yaml").exists():
        raise StudyMismatchError(f"{study_dir} is not a study's directory, but holds some: {', '.join(inner)}")
