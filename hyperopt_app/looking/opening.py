# SPDX-License-Identifier: MIT
"""Open the study of a directory, wherever it is stored, and list the studies below a directory."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hyperopt_app.storage.finding import kept_storage
from hyperopt_app.storage.opening import JOURNAL_NAME, open_storage
from hyperopt_app.study.opening import only_study

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage

__all__ = ["storage_in", "study_directories", "study_in"]

# A search leaves one of these in its directory; the second also where the study is in a database.
_MARKS = (JOURNAL_NAME, ".hyperopt_study.json")
# Of folders below the one that is given.
_DEPTH = 4


def study_in(
    study_dir: Path, storage: str | None = None, name: str | None = None, *, reading: bool = True
) -> "optuna.Study":
    """Open the study of a directory; creates nothing.

    Args:
        study_dir: The study's directory.
        storage: The storage's URL; None for the journal there, or for what `multirun.yaml` there names.
        name: The study's name, if the storage has several; None for that of the last search there.
        reading: Whether the study is only read: then nothing at all is written.

    Raises:
        StudyMismatchError: The directory holds no study.
        StorageError: The storage cannot be used.
    """
    return only_study(*storage_in(study_dir, storage, name, reading=reading))


def storage_in(
    study_dir: Path, storage: str | None = None, name: str | None = None, *, reading: bool = True
) -> "tuple[BaseStorage, str | None]":
    """Open the storage of a directory's study; arguments and errors as of `study_in`.

    Returns:
        The storage, and the study's name, if it was given or the last search there had one.
    """
    if storage is None and not (study_dir / JOURNAL_NAME).exists():
        storage, kept_name = kept_storage(study_dir)
        name = name or kept_name
    return open_storage(storage, study_dir, reading=reading, making=False), name


def study_directories(folder: Path) -> list[Path]:
    """Return the directories of studies in a folder and at most four levels below it, in the order of their names.

    Raises:
        OSError: The folder cannot be read.
    """
    with os.scandir(folder):  # says why the folder itself cannot be read; a folder in it that cannot is passed over
        return list(_studies_below(folder, _DEPTH))


def _studies_below(folder: Path, depth: int) -> Iterator[Path]:
    if any((folder / mark).exists() for mark in _MARKS):
        yield folder
    elif depth > 0:
        for inner in _folders_in(folder):
            yield from _studies_below(inner, depth - 1)


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return []
    return [folder / name for name in names]
