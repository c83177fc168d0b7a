# SPDX-License-Identifier: MIT
"""Find the storage of a study in the `multirun.yaml` of its directory, for commands that get only the directory."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from hyperopt_app.errors import StudyMismatchError
from hyperopt_app.storage.opening import absolute_storage
from hyperopt_app.support.files import NotOwnError, read_file, read_own

__all__ = ["kept_storage"]

_KEYS = ("hydra.sweeper.storage", "hydra.sweeper.study_name", "hydra.runtime.cwd")


def kept_storage(study_dir: Path) -> tuple[str, str | None]:
    """Read the storage and the study's name of the last search in a directory from its `multirun.yaml`.

    Raises:
        StudyMismatchError: It names none, or one that cannot be used as it is written there.
    """
    path = study_dir / "multirun.yaml"
    try:
        storage, name, cwd = _stored_values(path)
    except StudyMismatchError:
        raise
    except (OSError, ValueError, YAMLError, OmegaConfBaseException) as error:
        raise StudyMismatchError(f"{_no_journal(study_dir)} {_unread(path, error)}") from None
    if not storage:
        raise StudyMismatchError(_no_journal(study_dir))
    if "***" in storage:
        raise StudyMismatchError(
            f"{path} does not hold the password of the storage: give --storage {storage}, with it."
        )
    url = absolute_storage(storage, Path(cwd or study_dir)) or ""
    file = Path(url.partition("?")[0].removeprefix("sqlite:///").removeprefix("journal:"))
    if "://" not in url.removeprefix("sqlite:///") and not file.exists():
        raise StudyMismatchError(f"{file}, which holds the study according to {path}, does not exist: give --storage.")
    return url, name


def _no_journal(study_dir: Path) -> str:
    return (
        f"{study_dir} has no journal.log: give the directory of a study (hydra.sweep.dir), and --storage if "
        "the study is in a database."
    )


def _unread(path: Path, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{path} cannot be read: {error.strerror}."
    return f"{path} is not a config: {' '.join(str(error).split())}."


def _stored_values(path: Path) -> Sequence[str | None]:
    if not os.path.lexists(path):
        return None, None, None
    config = OmegaConf.create(read_file(path).decode())
    if not isinstance(config, DictConfig):
        return None, None, None
    try:
        read_own(path)
    except NotOwnError as error:
        return _as_written(OmegaConf.to_container(config, resolve=False), path, str(error))
    return [_text_at(config, key, path) for key in _KEYS]


def _as_written(config: Any, path: Path, why: str) -> list[str | None]:
    """Return the values of a file that another user may have written, without resolving anything.

    Such a file could name an environment variable of ours, and a host to which it is sent.

    Raises:
        StudyMismatchError: A value is an interpolation.
    """
    values = []
    for key in _KEYS:
        value = config
        for word in key.split("."):
            value = value.get(word) if isinstance(value, dict) else None
        if "${" in str(value):
            raise StudyMismatchError(
                f"{path}: {key} is {value}, and what it stands for is not looked up, because {why}: "
                "give --storage, and --name if the storage has several studies."
            )
        values.append(None if value is None else str(value))
    return values


def _text_at(config: DictConfig, key: str, path: Path) -> str | None:
    try:
        value = OmegaConf.select(config, key)
    except OmegaConfBaseException as error:
        if key != _KEYS[0]:
            return None
        reason = str(error).splitlines()[0]
        raise StudyMismatchError(
            f"{path}: {key} refers to something missing ({reason}): set it here too, or give --storage."
        ) from None
    return None if value is None else str(value)
