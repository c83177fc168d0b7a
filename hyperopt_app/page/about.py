# SPDX-License-Identifier: MIT
"""Say from what a study was made: its configuration, the command, versions and the state of git, without passwords."""

import importlib.metadata
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperopt_app.results.search_command import last_config, search_command
from hyperopt_app.space.space import describe
from hyperopt_app.study.identity import stored_identity
from hyperopt_app.support.files import read_file
from hyperopt_app.support.passwords import mask_password, masked

if TYPE_CHECKING:
    import optuna

__all__ = ["About", "about"]

About = Mapping[str, Any]

# What `launchers.payload` writes beside each payload.
_RECORDS = "launches/*/environment.json"
_PACKAGES = ("hyperopt-app", "hydra-core", "optuna", "torch", "lightning", "pytorch-lightning", "keras", "numpy")


def about(study: "optuna.Study", study_dir: Path) -> About:
    """Return `config`, `command`, `space`, `code` (pairs of a name and a text) and `versions` (the same).

    Args:
        study: The study; only read.
        study_dir: Its directory, with `multirun.yaml` and, if its workers were jobs, a record of their environment.
    """
    config = last_config(study_dir)
    return {
        "config": _config_text(config),
        "command": search_command(study, config),
        "space": _space(study),
        "code": _code(study_dir),
        "versions": _versions(),
    }


def _config_text(config: Any) -> str:
    import yaml

    if config is None:
        return ""
    return yaml.safe_dump(masked(config), sort_keys=False, allow_unicode=True, width=120)


def _space(study: "optuna.Study") -> list[tuple[str, str]]:
    identity = stored_identity(study)
    if identity is None:
        return []
    searched = [(name, describe(distribution)) for name, distribution in identity.space.parameters.items()]
    fixed = [mask_password(line, is_prose=False).partition("=") for line in identity.space.fixed]
    return [*searched, *((key, f"{value} (fixed)") for key, _, value in fixed)]


def _code(study_dir: Path) -> list[tuple[str, str]]:
    """Return what the newest launch of jobs has recorded of its code; empty where no job was submitted."""
    records = sorted(study_dir.glob(_RECORDS), key=_changed)
    for path in reversed(records):
        try:
            record = json.loads(read_file(path))
        except (OSError, ValueError):
            continue
        if isinstance(record, dict):
            return _recorded(record)
    return []


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _recorded(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    commit, dirty = record.get("git_commit"), record.get("git_dirty")
    state = "" if dirty is None else ", with changed files" if dirty else ", without changes"
    lines = [
        ("submitted", str(record.get("time", ""))),
        ("in", mask_password(str(record.get("directory", "")))),
        ("git commit", f"{commit}{state}" if commit else ""),
        ("Python of the jobs", str(record.get("python", ""))),
    ]
    return [(name, text) for name, text in lines if text]


def _versions() -> list[tuple[str, str]]:
    """Return the versions of the environment that writes the report."""
    versions = [("Python", platform.python_version())]
    for name in _PACKAGES:
        try:
            versions.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
